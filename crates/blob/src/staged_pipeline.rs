//! The threads that write and hash content while it arrives.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::num::NonZeroUsize;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tempfile::{NamedTempFile, TempPath};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::{Algorithm, Blob, ByteStream, CHUNK, Digest, Digester, Error, Result, WritingBack};

/// Chunks that may wait for the writing and for the hashing thread.
const CHUNKS_AHEAD: usize = 3;

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
    /// Away while it fills, and for good if that was given up.
    flow: Option<Flow<WritingBack>>,
}

/// One thread that writes chunks and, while processors are free for it, a second one that hashes them.
struct Flow<W> {
    to_sink: mpsc::Sender<Bytes>,
    sink: JoinHandle<Result<(W, Option<Digest>)>>,
    digest: Digesting,
    _running: Running,
}

/// How the digest of what flows is found out.
enum Digesting {
    /// By a thread of its own.
    Apart(mpsc::Sender<Bytes>, JoinHandle<Result<Digest>>),
    /// By the thread that writes.
    Along,
    Known(Digest),
}

/// Counts the flows of this process, so that no more threads are asked for than can run: every chunk that goes from
/// thread to thread may have to wake a processor, which costs more than hashing what is still in the cache of this one.
struct Running;

static FLOWS: AtomicUsize = AtomicUsize::new(0);

impl Running {
    /// Also returns whether a second thread is worth it.
    fn start() -> (Self, bool) {
        let before = FLOWS.fetch_add(1, Ordering::Relaxed);
        let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        (Self, (before + 1) * 2 <= processors)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        FLOWS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Pipeline {
    /// Begins a file in `folder`: the part of this digest if there is one and nobody else is writing it, otherwise a
    /// temporary one. `size` is that of all the content, if it is known.
    pub(crate) async fn start(
        folder: &Path,
        measuring: Measuring,
        part: Option<&Digest>,
        size: Option<u64>,
    ) -> Result<Self> {
        let folder = folder.to_path_buf();
        let path = part.map(|digest| part_path(&folder, digest));
        let open = move || -> Result<(File, Target)> {
            if let Some(path) = path
                && let Some(file) = open_part(&path)?
            {
                // What somebody else had begun meanwhile; this content comes from its start.
                file.set_len(0).map_err(Error::at(&path))?;
                return Ok((file, Target::Part(path)));
            }
            let (file, path) = create(&folder)?.into_parts();
            Ok((file, Target::Temporary(path)))
        };
        let begin = move || {
            let (file, target) = open()?;
            let mut sink = WritingBack::new(file);
            sink.reserve(size.unwrap_or_default()).map_err(Error::at(target.path()))?;
            Ok((sink, target))
        };
        let (sink, target) = blocking(begin).await?;
        Ok(Self::run(sink, target, measuring, None))
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
                let mut sink = WritingBack::new(file);
                sink.reserve(limit.unwrap_or_default()).map_err(Error::at(&path))?;
                Ok(Some((sink, size)))
            };
            blocking(open).await?
        };
        let Some((sink, size)) = opened else { return Ok(None) };
        let content = File::open(&path).map_err(Error::at(&path))?.take(size);
        let begun = Begun { size, content: Box::new(content) };
        let measuring = Measuring::Hash(digest.algorithm());
        Ok(Some((Self::run(sink, Target::Part(path), measuring, Some(begun)), size)))
    }

    fn run(sink: WritingBack, target: Target, measuring: Measuring, begun: Option<Begun>) -> Self {
        let shown = target.path().to_path_buf();
        Self { target, flow: Some(Flow::run(sink, shown, measuring, begun)) }
    }

    /// Takes the next bytes.
    pub(crate) async fn pass_on(&mut self, chunk: Bytes) -> Result<()> {
        self.flow.as_mut().ok_or_else(given_up)?.pass_on(chunk).await
    }

    /// Takes everything that comes. Returns how many bytes that was.
    pub(crate) async fn fill(&mut self, stream: ByteStream) -> Result<u64> {
        let (flow, filled) = self.flow.take().ok_or_else(given_up)?.fill(stream).await?;
        self.flow = Some(flow);
        filled
    }

    /// Waits for the threads. From here on the file goes away unless it gets a name.
    pub(crate) async fn finish(self) -> Result<(TempPath, File, Digest)> {
        let (sink, digest) = self.flow.ok_or_else(given_up)?.finish().await?;
        let path = match self.target {
            Target::Temporary(path) => path,
            Target::Part(path) => TempPath::try_from_path(path)?,
        };
        Ok((path, sink.into_file(), digest))
    }
}

impl<W: io::Write + Send + 'static> Flow<W> {
    /// Begins. `begun` is what the sink has already and is hashed first; `shown` is what errors call the sink.
    fn run(sink: W, shown: PathBuf, measuring: Measuring, begun: Option<Begun>) -> Self {
        let (running, apart) = Running::start();
        let begin = {
            let shown = shown.clone();
            move |algorithm| begin_digest(algorithm, begun).map_err(Error::at(shown))
        };
        let (digest, along) = match measuring {
            Measuring::Known(digest) => (Digesting::Known(digest), None),
            Measuring::Hash(algorithm) if apart => (Digesting::apart(move || begin(algorithm)), None),
            Measuring::Hash(algorithm) => (Digesting::Along, Some(move || begin(algorithm))),
        };
        let (to_sink, chunks) = mpsc::channel(CHUNKS_AHEAD);
        let sink = tokio::task::spawn_blocking(move || {
            let digester = along.map(|begin| begin()).transpose()?;
            write(sink, chunks, digester).map_err(Error::at(shown))
        });
        Self { to_sink, sink, digest, _running: running }
    }

    async fn pass_on(&mut self, chunk: Bytes) -> Result<()> {
        let hashed = match &self.digest {
            Digesting::Apart(to_digest, _) => to_digest.send(chunk.clone()).await.is_ok(),
            Digesting::Along | Digesting::Known(_) => true,
        };
        if self.to_sink.send(chunk).await.is_ok() && hashed {
            return Ok(());
        }
        // A thread that no longer takes chunks has failed, and only it knows why.
        if let Digesting::Apart(_, digest) = &mut self.digest
            && !hashed
            && let Err(error) = digest.await.map_err(io::Error::other)?
        {
            return Err(error);
        }
        match (&mut self.sink).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) => Err(Error::Io(io::Error::other("writing has ended early"))),
            Err(error) => Err(Error::Io(io::Error::other(error))),
        }
    }

    /// Takes everything that comes, in a task of its own: whoever waits for it would have to wake up for every chunk, only to
    /// hand it on. Returns how many bytes that was.
    async fn fill(mut self, mut stream: ByteStream) -> Result<(Self, Result<u64>)> {
        let mut task = JoinSet::new();
        task.spawn(async move {
            let filled = self.pass_all(&mut stream).await;
            (self, filled)
        });
        task.join_next().await.ok_or_else(given_up)?.map_err(|error| Error::Io(io::Error::other(error)))
    }

    async fn pass_all(&mut self, stream: &mut ByteStream) -> Result<u64> {
        let mut size = 0;
        while let Some(chunk) = stream.next().await.transpose()? {
            size += chunk.len() as u64;
            self.pass_on(chunk).await?;
        }
        Ok(size)
    }

    /// Waits until the sink is closed, after an error that says why.
    async fn end(self) {
        drop(self.to_sink);
        drop(self.digest);
        // It may have ended with that error already, and can be waited for only once.
        if !self.sink.is_finished() {
            let _ = self.sink.await;
        }
    }

    /// Waits for the threads.
    async fn finish(self) -> Result<(W, Digest)> {
        drop(self.to_sink);
        let apart = match self.digest {
            Digesting::Known(digest) => Some(Ok(digest)),
            Digesting::Apart(to_digest, digest) => {
                drop(to_digest);
                Some(digest.await.map_err(io::Error::other)?)
            }
            Digesting::Along => None,
        };
        let (sink, along) = self.sink.await.map_err(io::Error::other)??;
        let digest = apart.transpose()?.or(along);
        Ok((sink, digest.ok_or_else(|| io::Error::other("nothing was hashed"))?))
    }
}

/// The beginning of content that is there already.
pub struct Begun {
    /// Bytes that are there.
    pub size: u64,
    /// Those bytes. They are hashed anew, since nobody knows what became of them.
    pub content: Box<dyn io::Read + Send>,
}

/// Writes content to a sink while it is hashed, or only what is missing of it, and says what digest it has in the end. The
/// sink is closed when this returns, however it ends. `shown` is what errors call it.
///
/// # Errors
/// Those of the content and of the sink. Whether the digest is the expected one is for the caller to judge.
pub async fn write_into(
    content: &dyn Blob,
    expected: &Digest,
    begun: Option<Begun>,
    sink: impl io::Write + Send + 'static,
    shown: &Path,
) -> Result<Digest> {
    let from = begun.as_ref().map_or(0, |begun| begun.size);
    let measuring = match begun {
        None if content.is_verified() => Measuring::Known(expected.clone()),
        _ => Measuring::Hash(expected.algorithm()),
    };
    let flow = Flow::run(sink, shown.to_path_buf(), measuring, begun);
    let opened = match content.size().map(|size| size.saturating_sub(from)) {
        Some(0) if from > 0 => Ok(None),
        left if from > 0 => content.open_at(from).await.map(|stream| Some((stream, left))),
        left => content.open().await.map(|stream| Some((stream, left))),
    };
    let (flow, filled) = match opened {
        Ok(Some((stream, left))) => flow.fill(crate::verified(stream, left, None)).await?,
        Ok(None) => (flow, Ok(0)),
        Err(error) => (flow, Err(error)),
    };
    match filled {
        Ok(_) => flow.finish().await.map(|(_, digest)| digest),
        Err(error) => {
            flow.end().await;
            Err(error)
        }
    }
}

fn given_up() -> Error {
    Error::Io(io::Error::other("an earlier write was given up"))
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
    /// By a thread of its own.
    fn apart(begin: impl FnOnce() -> Result<Digester> + Send + 'static) -> Self {
        let (to_digest, mut chunks) = mpsc::channel::<Bytes>(CHUNKS_AHEAD);
        let digest = tokio::task::spawn_blocking(move || {
            let mut digester = begin()?;
            while let Some(chunk) = chunks.blocking_recv() {
                digester.update(&chunk);
            }
            Ok(digester.finish())
        });
        Self::Apart(to_digest, digest)
    }
}

/// A digester that has seen what is there already.
fn begin_digest(algorithm: Algorithm, begun: Option<Begun>) -> io::Result<Digester> {
    let mut digester = Digester::new(algorithm);
    let Some(Begun { size: mut left, mut content }) = begun else { return Ok(digester) };
    let mut buffer = vec![0; CHUNK];
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = content.read(&mut buffer[..wanted])?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        digester.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(digester)
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

/// Writes all chunks, and hashes them along the way if there is a digester for it.
fn write<W: io::Write>(
    mut sink: W,
    mut chunks: mpsc::Receiver<Bytes>,
    mut digester: Option<Digester>,
) -> io::Result<(W, Option<Digest>)> {
    while let Some(chunk) = chunks.blocking_recv() {
        if let Some(digester) = &mut digester {
            digester.update(&chunk);
        }
        sink.write_all(&chunk)?;
    }
    sink.flush()?;
    Ok((sink, digester.map(Digester::finish)))
}

/// Runs file work where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Io(io::Error::other(error)))?
}
