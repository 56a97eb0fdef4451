use std::collections::HashSet;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{ErrorKind, Result};
use std::io::{Read as _, Seek as _, SeekFrom, Take};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use ocm_blob::{Blob, ByteStream, Digest, FileBlob, read_in_background, verified};

use crate::ctf::body::{BODY, Body, JOURNAL, Pieces};
use crate::ctf::disk;

/// Bytes of unfinished work from which on it stays for a later run; less is moved again sooner than anybody looks for it.
const WORTH_KEEPING: u64 = 16 << 20;

/// How often a folder is tried that writers who gave up take away.
const MOST_ATTEMPTS: usize = 100;

/// Ending of files with content that is not complete.
const PART: &str = ".part";

/// A hidden folder for content that is not yet visible, on the file system of the archive.
///
/// Its lock is held as long as its writer lives. When the writer is killed the kernel drops the lock, and the next writer
/// takes over what is in the folder: complete content under the name of its digest, the beginning of content with `.part`
/// behind it, and the large content of an archive file in its place ([`Body`]). What the next writer does not need goes away when its work is committed.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
    _lock: File,
    /// Content of earlier writers that nobody has looked at yet.
    left: Mutex<HashSet<Digest>>,
    /// The new archive file, as far as it is written already.
    body: Mutex<Option<Arc<Body>>>,
    /// The work is committed: nothing here is needed any more.
    is_done: AtomicBool,
    /// Folders that were made for the archive, innermost first.
    created: Vec<PathBuf>,
}

impl Staging {
    /// Makes a staging folder in `folder`, which is made too if it is missing, and clears those of dead writers away.
    pub(crate) fn begin(folder: &Path, prefix: &str) -> Result<Self> {
        let mut created = Vec::new();
        let mut attempts = 0;
        loop {
            let missing = folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists());
            created.extend(missing.map(Path::to_path_buf));
            std::fs::create_dir_all(folder)?;
            match Self::begin_in(folder, prefix) {
                Ok((path, lock, left)) => {
                    let (left, is_done) = (Mutex::new(left), AtomicBool::new(false));
                    return Ok(Self { path, _lock: lock, left, body: Mutex::default(), is_done, created });
                }
                // Another writer gave up and took the empty folder, which it had made, away again.
                // A file system that makes no files, /proc for instance, says the same of a folder that is there.
                Err(error) if error.kind() == ErrorKind::NotFound && attempts < MOST_ATTEMPTS => attempts += 1,
                Err(error) => return Err(error),
            }
        }
    }

    fn begin_in(folder: &Path, prefix: &str) -> Result<(PathBuf, File, HashSet<Digest>)> {
        let _exclusive = disk::lock_folder(folder)?;
        let path = tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?.keep();
        let lock = File::open(&path)?;
        lock.lock()?;
        let left = take_over(folder, prefix, &path)?;
        Ok((path, lock, left))
    }

    /// Whether an earlier writer left a file with this name. Says so once.
    fn claim(&self, digest: &Digest) -> bool {
        self.left.lock().unwrap_or_else(PoisonError::into_inner).remove(digest)
    }

    /// The new archive file; begun if it was not. `part_size` is that of its parts, if it will have parts.
    pub(crate) fn body(&self, part_size: Option<u64>) -> Result<Arc<Body>> {
        let mut body = self.body.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(body) = &*body {
            return Ok(body.clone());
        }
        Ok(body.insert(Arc::new(Body::open(&self.path, part_size)?)).clone())
    }

    /// The new archive file, if it was begun.
    pub(crate) fn begun_body(&self) -> Option<Arc<Body>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says that everything worth keeping is in the archive now.
    pub(crate) fn done(&self) {
        self.is_done.store(true, Ordering::Relaxed);
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_done.load(Ordering::Relaxed) {
            let kept = bytes_worth(&self.path);
            if kept >= WORTH_KEEPING {
                tracing::info!(
                    target: "ocm", folder = %self.path.display(), mebibytes = kept >> 20,
                    "kept what was moved so far: run the same again to continue, or remove the folder"
                );
                return;
            }
        }
        let _ = std::fs::remove_dir_all(&self.path);
        for folder in &self.created {
            // Fails, as it should, if something is in there by now.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// The digest that a file in a staging folder is named after, and whether it is only the beginning.
fn named(name: &str) -> Option<(Digest, bool)> {
    match name.strip_suffix(PART) {
        Some(name) => Some((Digest::from_file_name(name).ok()?, true)),
        None => Some((Digest::from_file_name(name).ok()?, false)),
    }
}

/// Bytes in a staging folder that another writer could go on from.
fn bytes_worth(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let files = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        named(&name).is_some() || name.starts_with(BODY)
    });
    // Also in blocks of 512 bytes, since there is room in a body that nothing was written to. Room that was set aside for
    // content lies behind the end of the file.
    files.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len().min(metadata.blocks() * 512)).sum()
}

/// Moves what dead writers left behind into the folder of the next one, and removes theirs. Returns the complete content.
fn take_over(folder: &Path, prefix: &str, into: &Path) -> Result<HashSet<Digest>> {
    let (mut left, mut bytes) = (HashSet::new(), 0);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path == into || !entry.file_name().to_string_lossy().starts_with(prefix) || !entry.file_type()?.is_dir() {
            continue;
        }
        let Ok(leftover) = File::open(&path) else { continue };
        if leftover.try_lock().is_err() {
            continue;
        }
        bytes += take_over_body(&path, into);
        for file in std::fs::read_dir(&path)?.flatten() {
            let name = file.file_name();
            // A link could lead anywhere.
            let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file);
            let (Some((digest, is_part)), Some(metadata)) = (named(&name.to_string_lossy()), metadata) else {
                continue;
            };
            if !into.join(&name).exists() && std::fs::rename(file.path(), into.join(&name)).is_ok() {
                bytes += metadata.len();
                if !is_part {
                    left.insert(digest);
                }
            }
        }
        tracing::debug!(folder = %path.display(), "removing the folder of a dead writer");
        let _ = std::fs::remove_dir_all(&path);
    }
    if bytes >= WORTH_KEEPING {
        tracing::info!(
            target: "ocm", folder = %folder.display(), mebibytes = bytes >> 20, "taking up what an unfinished run left"
        );
    }
    Ok(left)
}

/// The same for a body, of which a folder can have only one. Returns its bytes.
fn take_over_body(from: &Path, into: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(from) else { return 0 };
    if into.join(JOURNAL).exists() || !from.join(JOURNAL).exists() {
        return 0;
    }
    let mut bytes = 0;
    for file in files.flatten().filter(|file| file.file_name().to_string_lossy().starts_with(BODY)) {
        // A link could lead anywhere.
        let Some(metadata) = file.metadata().ok().filter(std::fs::Metadata::is_file) else { continue };
        if std::fs::rename(file.path(), into.join(file.file_name())).is_ok() {
            bytes += metadata.blocks() * 512;
        }
    }
    bytes
}

/// Finished content in a staging folder: in a file of its own, under the name of its digest, or in its place in the new
/// archive file.
#[derive(Debug)]
pub(crate) struct StagedFile {
    place: Place,
    size: u64,
    _folder: Arc<Staging>,
}

#[derive(Debug)]
enum Place {
    File(PathBuf),
    Body(Arc<Body>, u64),
}

impl StagedFile {
    /// Ends content that was written into the folder. Its file is closed, since a batch may have thousands.
    pub(crate) async fn finish(folder: Arc<Staging>, content: ocm_blob::Staged) -> ocm_blob::Result<(Digest, Self)> {
        let (path, digest, size) = content.finish_by_digest().await?;
        Ok((digest, Self { place: Place::File(path), size, _folder: folder }))
    }

    /// Content in its place in the new archive file.
    pub(crate) fn in_body(folder: Arc<Staging>, (body, offset): (Arc<Body>, u64), size: u64) -> Self {
        Self { place: Place::Body(body, offset), size, _folder: folder }
    }

    /// Content that an earlier writer left, if all of it is there and as it should be. It is read to make sure.
    pub(crate) async fn left_over(folder: &Arc<Staging>, digest: &Digest, size: Option<u64>) -> Option<Self> {
        if !folder.claim(digest) {
            return None;
        }
        let path = folder.path().join(digest.file_name());
        let actual = path.metadata().ok()?.len();
        if size.is_some_and(|size| size != actual) {
            return None;
        }
        let content = FileBlob::part(&path, 0, actual);
        let mut stream = verified(content.open().await.ok()?, Some(actual), Some(digest.clone()));
        while let Some(chunk) = stream.next().await {
            chunk.ok()?;
        }
        Some(Self { place: Place::File(path), size: actual, _folder: folder.clone() })
    }

    /// The file that holds it and nothing else, if there is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Body(..) => None,
        }
    }

    /// Its size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Its bytes from `offset` on, as pieces of files that are open and positioned.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it was committed and is in the archive now.
    pub(crate) fn pieces(&self, offset: u64) -> Result<VecDeque<Take<File>>> {
        let (offset, left) = (offset.min(self.size), self.size.saturating_sub(offset));
        match &self.place {
            Place::Body(body, start) => body.pieces(start + offset, left),
            Place::File(path) => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(offset))?;
                Ok([file.take(left)].into())
            }
        }
    }
}

/// Staged content, as content.
pub(crate) struct StagedContent {
    file: Arc<StagedFile>,
    digest: Option<Digest>,
}

impl StagedContent {
    /// `digest` is what whoever reads it should check.
    pub(crate) fn new(file: Arc<StagedFile>, digest: Option<Digest>) -> Self {
        Self { file, digest }
    }
}

#[async_trait]
impl Blob for StagedContent {
    fn size(&self) -> Option<u64> {
        Some(self.file.size)
    }

    fn digest(&self) -> Option<Digest> {
        self.digest.clone()
    }

    async fn open(&self) -> ocm_blob::Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_at(&self, offset: u64) -> ocm_blob::Result<ByteStream> {
        let pieces = self.file.pieces(offset).map_err(ocm_blob::Error::Io)?;
        Ok(read_in_background(move || Ok(Pieces(pieces))))
    }
}
