//! The threads that write and hash content while it arrives.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::{Algorithm, CHUNK, Digest, Digester, Error, Result};

/// Chunks that may wait for the writing and for the hashing thread.
const CHUNKS_AHEAD: usize = 8;

/// Bytes after which the system is asked to begin writing to the disk, so that the final flush has little left to do.
const WRITEBACK: u64 = 16 << 20;

/// Where the digest of the content comes from.
#[derive(Clone)]
pub(crate) enum Measuring {
    /// It is computed while the content is written.
    Hash(Algorithm),
    /// Whoever hands the content over checks it.
    Known(Digest),
}

impl Measuring {
    pub(crate) fn digest(self, chunks: &[Bytes]) -> Digest {
        match self {
            Self::Known(digest) => digest,
            Self::Hash(algorithm) => {
                let mut digester = Digester::new(algorithm);
                for chunk in chunks {
                    digester.update(chunk);
                }
                digester.finish()
            }
        }
    }
}

/// The file that is being written.
enum Target {
    /// Goes away with whoever writes it.
    Temporary(TempPath),
    /// Stays when its writer goes away, for another one to continue.
    Part(PathBuf),
}

pub(crate) struct Pipeline {
    target: Target,
    to_file: mpsc::Sender<Bytes>,
    file: JoinHandle<Result<File>>,
    digest: Digesting,
}

enum Digesting {
    Thread(mpsc::Sender<Bytes>, JoinHandle<Result<Digest>>),
    Known(Digest),
}

impl Pipeline {
    /// Begins a file in `folder`: the part of this digest if there is one and nobody else is writing it, otherwise a
    /// temporary one.
    pub(crate) async fn start(folder: &Path, measuring: Measuring, part: Option<&Digest>) -> Result<Self> {
        let folder = folder.to_path_buf();
        let path = part.map(|digest| part_path(&folder, digest));
        let (file, target) = blocking(move || {
            if let Some(path) = path
                && let Some(file) = open_part(&path)?
            {
                // What somebody else had begun meanwhile; this content comes from its start.
                file.set_len(0).map_err(Error::at(&path))?;
                return Ok((file, Target::Part(path)));
            }
            let (file, path) = create(&folder)?.into_parts();
            Ok((file, Target::Temporary(path)))
        })
        .await?;
        let digest = match measuring {
            Measuring::Known(digest) => Digesting::Known(digest),
            Measuring::Hash(algorithm) => Digesting::of(algorithm, None),
        };
        Ok(Self::run(file, target, digest))
    }

    /// Continues the part of this digest if there is one and nobody else is writing it. Also returns how many bytes it
    /// has. They are hashed anew, since nobody knows what became of them.
    pub(crate) async fn resume(folder: &Path, digest: &Digest, limit: Option<u64>) -> Result<Option<(Self, u64)>> {
        let path = part_path(folder, digest);
        let opened = {
            let path = path.clone();
            let open = move || {
                if path.symlink_metadata().is_err() {
                    return Ok(None);
                }
                let Some(mut file) = open_part(&path)? else { return Ok(None) };
                let mut size = file.metadata().map_err(Error::at(&path))?.len();
                if limit.is_some_and(|limit| size > limit) {
                    file.set_len(0).map_err(Error::at(&path))?;
                    size = 0;
                }
                file.seek(SeekFrom::End(0)).map_err(Error::at(&path))?;
                Ok(Some((file, size)))
            };
            blocking(open).await?
        };
        let Some((file, size)) = opened else { return Ok(None) };
        let digesting = Digesting::of(digest.algorithm(), Some((path.clone(), size)));
        Ok(Some((Self::run(file, Target::Part(path), digesting), size)))
    }

    fn run(file: File, target: Target, digest: Digesting) -> Self {
        let (to_file, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let shown = target.path().to_path_buf();
        let file = tokio::task::spawn_blocking(move || write(file, chunks).map_err(Error::at(shown)));
        Self { target, to_file, file, digest }
    }

    /// Takes the next bytes.
    pub(crate) async fn pass_on(&mut self, chunk: Bytes) -> Result<()> {
        let hashed = match &self.digest {
            Digesting::Thread(to_digest, _) => to_digest.send(chunk.clone()).await.is_ok(),
            Digesting::Known(_) => true,
        };
        if self.to_file.send(chunk).await.is_ok() && hashed {
            return Ok(());
        }
        // A thread that no longer takes chunks has failed, and only it knows why.
        if let Digesting::Thread(_, digest) = &mut self.digest
            && !hashed
            && let Err(error) = digest.await.map_err(io::Error::other)?
        {
            return Err(error);
        }
        match (&mut self.file).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) => Err(Error::Io(io::Error::other("writing has ended early"))),
            Err(error) => Err(Error::Io(io::Error::other(error))),
        }
    }

    /// Waits for both threads. From here on the file goes away unless it gets a name.
    pub(crate) async fn finish(self) -> Result<(TempPath, File, Digest)> {
        drop(self.to_file);
        let digest = match self.digest {
            Digesting::Known(digest) => digest,
            Digesting::Thread(to_digest, digest) => {
                drop(to_digest);
                digest.await.map_err(io::Error::other)??
            }
        };
        let file = self.file.await.map_err(io::Error::other)??;
        let path = match self.target {
            Target::Temporary(path) => path,
            Target::Part(path) => TempPath::try_from_path(path)?,
        };
        Ok((path, file, digest))
    }
}

impl Target {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(path) => path,
            Self::Part(path) => path,
        }
    }
}

impl Digesting {
    /// Hashes what a file has already, and then what comes.
    fn of(algorithm: Algorithm, before: Option<(PathBuf, u64)>) -> Self {
        let (to_digest, mut chunks) = mpsc::channel::<Bytes>(CHUNKS_AHEAD);
        let digest = tokio::task::spawn_blocking(move || {
            let mut digester = Digester::new(algorithm);
            if let Some((path, size)) = before {
                hash_start(&path, size, &mut digester).map_err(Error::at(path))?;
            }
            while let Some(chunk) = chunks.blocking_recv() {
                digester.update(&chunk);
            }
            Ok(digester.finish())
        });
        Self::Thread(to_digest, digest)
    }
}

/// Hashes the first `size` bytes of a file.
fn hash_start(path: &Path, size: u64, digester: &mut Digester) -> io::Result<()> {
    let mut file = File::open(path)?.take(size);
    let (mut buffer, mut left) = (vec![0; CHUNK], size);
    while left > 0 {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        digester.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(())
}

/// Name of content that is not complete, beside the name of its digest.
pub(crate) fn part_path(folder: &Path, digest: &Digest) -> PathBuf {
    folder.join(format!("{}{PART}", digest.file_name()))
}

/// Ending of content that is not complete.
pub(crate) const PART: &str = ".part";

/// Opens a part for its only writer; `None` if there is one already. The lock goes with the file.
fn open_part(path: &Path) -> Result<Option<File>> {
    let mut options = File::options();
    let file = options.read(true).write(true).create(true).truncate(false).mode(0o644).open(path);
    let file = file.map_err(Error::at(path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(Error::at(path)(error)),
    }
    // Its last writer may have finished it, and taken the name away, between the two steps.
    let here = file.metadata().map_err(Error::at(path))?;
    let there = path.symlink_metadata();
    let same = there.is_ok_and(|there| {
        use std::os::unix::fs::MetadataExt as _;
        (there.dev(), there.ino()) == (here.dev(), here.ino())
    });
    Ok(same.then_some(file))
}

pub(crate) fn create(folder: &Path) -> Result<NamedTempFile> {
    // Asking for all permissions leaves those that the process does not mask.
    let permissions = std::fs::Permissions::from_mode(0o666);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ocm-").suffix(PART).permissions(permissions).tempfile_in(folder).map_err(Error::at(folder))
}

fn write(mut file: File, mut chunks: mpsc::Receiver<Bytes>) -> io::Result<File> {
    let (mut written, mut flushed) = (file.stream_position()?, 0);
    while let Some(chunk) = chunks.blocking_recv() {
        file.write_all(&chunk)?;
        written += chunk.len() as u64;
        if written - flushed >= WRITEBACK {
            begin_writeback(&file, flushed, written - flushed);
            flushed = written;
        }
    }
    Ok(file)
}

/// Asks the system to write a range to the disk soon, without waiting. It is only advice: what matters is the flush.
#[cfg(target_os = "linux")]
fn begin_writeback(file: &File, offset: u64, length: u64) {
    // Linux starts the writeback of dirty pages for this advice; pages that are dirty stay in memory.
    let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn begin_writeback(_: &File, _: u64, _: u64) {}

/// Runs file work where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Io(io::Error::other(error)))?
}
