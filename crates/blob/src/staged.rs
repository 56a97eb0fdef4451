//! Content on its way into a file: written, measured, and only then given its name.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tempfile::TempPath;

use crate::staged_pipeline::{Measuring, Pipeline, blocking, create};
use crate::{Algorithm, Blob, ByteStream, Digest, Error, Result};

/// Content up to this size waits in memory and is hashed and written in one go.
const SMALL: usize = 1 << 20;

/// Content up to this size is written where it is, without a thread that may block.
const TINY: u64 = 64 << 10;

/// A temporary file that takes content chunk by chunk and knows its digest in the end.
///
/// Writing and hashing run on threads of their own, beside whatever reads the content. Dropped at
/// any point, it leaves nothing behind.
pub struct Staged {
    folder: PathBuf,
    measuring: Measuring,
    size: u64,
    waiting: Vec<Bytes>,
    pipeline: Option<Pipeline>,
    /// Large content is written into a file named after this digest, which stays if it is not finished.
    part: Option<Digest>,
    /// Bytes of all the content, if that is known beforehand.
    expected: Option<u64>,
    /// A write has failed or was given up half-way: what the file holds is not what was handed over.
    broken: bool,
}

/// What happens if there is something under the name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Existing {
    /// It is an error, and nothing is changed.
    #[default]
    Refuse,
    /// It is replaced as a whole.
    Replace,
    /// It stays, and that is a success: for files named by the digest of their content.
    Keep,
}

/// Whether content is on the disk before it gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Durability {
    /// It is: after a power failure the name holds all of the content, or does not exist.
    #[default]
    Synced,
    /// The caller flushes many files at once with [`sync_filesystem`] before it relies on them.
    Deferred,
}

impl Staged {
    /// Begins content that will be named inside `folder` (or elsewhere on the same file system).
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_algorithm(folder, Algorithm::Sha256)
    }

    /// Begins content whose digest uses another algorithm.
    pub fn with_algorithm(folder: impl Into<PathBuf>, algorithm: Algorithm) -> Self {
        Self::begin(folder.into(), Measuring::Hash(algorithm))
    }

    /// Begins content that need not be hashed here: it comes from a stream that ends well only if the content has this
    /// digest ([`crate::verified`], [`crate::Blob::is_verified`]). One pass of SHA-256 is what limits the speed of a copy.
    pub fn with_known_digest(folder: impl Into<PathBuf>, digest: Digest) -> Self {
        Self::begin(folder.into(), Measuring::Known(digest))
    }

    /// Begins content whose digest nobody asks for: a file that is put together out of content which was checked. What
    /// [`Finished::digest`] says of it means nothing.
    pub fn unmeasured(folder: impl Into<PathBuf>) -> Self {
        Self::begin(folder.into(), Measuring::Known(Digest::of([])))
    }

    /// Begins content with this digest, or continues what an earlier writer left of it: [`Staged::size`] says how many bytes
    /// are there already. Those are hashed anew, so that content which was left damaged shows as another digest in the
    /// end. `size` is that of all the content, if it is known.
    ///
    /// Dropped unfinished, large content leaves the file `<digest>.part`, for whoever owns the folder to keep or remove.
    pub async fn resume(folder: impl Into<PathBuf>, digest: Digest, size: Option<u64>) -> Result<Self> {
        let folder = folder.into();
        let resumed = Pipeline::resume(&folder, &digest, size).await?;
        let mut staged = Self::begin(folder, Measuring::Hash(digest.algorithm()));
        (staged.part, staged.expected) = (Some(digest), size);
        if let Some((pipeline, size)) = resumed {
            (staged.pipeline, staged.size) = (Some(pipeline), size);
        }
        Ok(staged)
    }

    /// Takes what is missing of the content that was begun with [`Staged::resume`].
    pub async fn complete(&mut self, content: &dyn Blob) -> Result<()> {
        if self.size == 0 && content.is_verified() && self.pipeline.is_none() {
            self.measuring = self.part.clone().map_or(self.measuring.clone(), Measuring::Known);
        }
        match content.size() {
            Some(size) if self.size > 0 && size == self.size => Ok(()),
            size if self.size > 0 => {
                let left = size.map(|size| size.saturating_sub(self.size));
                self.fill(crate::verified(content.open_at(self.size).await?, left, None)).await
            }
            size => self.fill(crate::verified(content.open().await?, size, None)).await,
        }
    }

    fn begin(folder: PathBuf, measuring: Measuring) -> Self {
        Self {
            folder,
            measuring,
            size: 0,
            waiting: Vec::new(),
            pipeline: None,
            part: None,
            expected: None,
            broken: false,
        }
    }

    /// Bytes taken so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes. After an error, or if the future is dropped, nothing more can be written.
    pub async fn write(&mut self, chunk: Bytes) -> Result<()> {
        self.check_whole()?;
        self.broken = true;
        self.take_in(chunk).await?;
        self.broken = false;
        Ok(())
    }

    fn check_whole(&self) -> Result<()> {
        if self.broken { Err(Error::Io(io::Error::other("an earlier write has failed"))) } else { Ok(()) }
    }

    async fn take_in(&mut self, chunk: Bytes) -> Result<()> {
        self.size += chunk.len() as u64;
        if self.pipeline.is_some() {
            return self.pass_on(chunk).await;
        }
        self.waiting.push(chunk);
        if self.size > SMALL as u64 {
            let (measuring, part) = (self.measuring.clone(), self.part.as_ref());
            self.pipeline = Some(Pipeline::start(&self.folder, measuring, part, self.expected).await?);
            for chunk in std::mem::take(&mut self.waiting) {
                self.pass_on(chunk).await?;
            }
        }
        Ok(())
    }

    /// Takes everything that comes. After an error, also of what comes, or if the future is dropped, nothing more can be
    /// written: part of the content must not pass for the whole.
    pub async fn fill(&mut self, stream: ByteStream) -> Result<()> {
        self.check_whole()?;
        self.broken = true;
        self.take_all(stream).await?;
        self.broken = false;
        Ok(())
    }

    async fn take_all(&mut self, mut stream: ByteStream) -> Result<()> {
        // Most content ends before it is large enough for threads of its own.
        while self.pipeline.is_none() {
            match stream.next().await.transpose()? {
                Some(chunk) => self.take_in(chunk).await?,
                None => return Ok(()),
            }
        }
        if let Some(pipeline) = &mut self.pipeline {
            self.size += pipeline.fill(stream).await?;
        }
        Ok(())
    }

    /// Ends the content and tells what it is. It still has no name.
    pub async fn finish(mut self) -> Result<Finished> {
        self.check_whole()?;
        let (path, file, digest) = if let Some(pipeline) = self.pipeline.take() {
            pipeline.finish().await?
        } else {
            let (folder, chunks, measuring) = (self.folder, self.waiting, self.measuring);
            blocking(move || write_at_once(&folder, &chunks, measuring)).await?
        };
        Ok(Finished { path, file, digest, size: self.size })
    }

    /// Ends the content, which must have the given digest.
    ///
    /// What was written is hashed anyway; whoever stages content need not hash it a second time to check it.
    pub async fn finish_as(self, expected: &Digest) -> Result<Finished> {
        let finished = self.finish().await?;
        if finished.digest == *expected {
            return Ok(finished);
        }
        Err(Error::DigestMismatch { expected: expected.clone().into(), actual: finished.digest.into() })
    }

    /// Ends the content and names it after its digest, inside the folder; with `0o644`, less what the process masks, and not
    /// flushed. Returns its path, digest and size.
    ///
    /// For folders that nobody else looks into: small content is written under its name right away.
    pub async fn finish_by_digest(mut self) -> Result<(PathBuf, Digest, u64)> {
        self.check_whole()?;
        let (folder, size) = (self.folder.clone(), self.size);
        if self.pipeline.is_none() {
            let (chunks, measuring) = (std::mem::take(&mut self.waiting), self.measuring.clone());
            let work = move || write_by_digest(&folder, &chunks, measuring);
            // A thread for it would cost more than the work.
            let (path, digest) = if size <= TINY { work()? } else { blocking(work).await? };
            return Ok((path, digest, size));
        }
        let finished = self.finish().await?;
        let (path, digest) = (folder.join(finished.digest.file_name()), finished.digest.clone());
        finished.persist_here(&path, 0o644, Existing::Replace, Durability::Deferred)?;
        Ok((path, digest, size))
    }

    async fn pass_on(&mut self, chunk: Bytes) -> Result<()> {
        match &mut self.pipeline {
            Some(pipeline) => pipeline.pass_on(chunk).await,
            None => Ok(()),
        }
    }
}

fn write_at_once(folder: &Path, chunks: &[Bytes], measuring: Measuring) -> Result<(TempPath, File, Digest)> {
    let (mut file, path) = create(folder)?.into_parts();
    write_all(&mut file, chunks).map_err(Error::at(&path))?;
    Ok((path, file, measuring.digest(chunks)))
}

fn write_by_digest(folder: &Path, chunks: &[Bytes], measuring: Measuring) -> Result<(PathBuf, Digest)> {
    let digest = measuring.digest(chunks);
    let path = folder.join(digest.file_name());
    match File::options().write(true).create_new(true).mode(0o644).open(&path) {
        Ok(mut file) => {
            if let Err(error) = write_all(&mut file, chunks) {
                let _ = std::fs::remove_file(&path);
                return Err(Error::at(&path)(error));
            }
        }
        // Somebody is writing the same content, and may yet fail.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let (written, file, digest) = write_at_once(folder, chunks, Measuring::Known(digest.clone()))?;
            let finished = Finished { path: written, file, digest, size: 0 };
            finished.persist_here(&path, 0o644, Existing::Replace, Durability::Deferred)?;
        }
        Err(error) => return Err(Error::at(&path)(error)),
    }
    Ok((path, digest))
}

fn write_all(file: &mut File, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|chunk| file.write_all(chunk))
}

/// Content that is complete and measured, in a file that has no name of its own yet.
///
/// Dropped, it leaves nothing behind.
pub struct Finished {
    path: TempPath,
    file: File,
    digest: Digest,
    size: u64,
}

impl Finished {
    /// Digest of the content.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Size of the content in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The temporary file, for a look at the content before it gets its name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the content its name, which has to lie on the same file system, and the given permissions (as in `0o644`,
    /// less what the process masks).
    ///
    /// # Guarantees
    /// Whoever opens the name sees all of the content or what was there before. The folder around it is flushed too if
    /// the content is [`Durability::Synced`].
    pub async fn persist(
        self,
        path: impl Into<PathBuf>,
        mode: u32,
        existing: Existing,
        durability: Durability,
    ) -> Result<()> {
        let path = path.into();
        blocking(move || self.persist_here(&path, mode, existing, durability)).await
    }

    /// The same on this thread.
    pub fn persist_here(self, path: &Path, mode: u32, existing: Existing, durability: Durability) -> Result<()> {
        set_mode(&self.file, mode).map_err(Error::at(path))?;
        if durability == Durability::Synced {
            self.file.sync_all().map_err(Error::at(path))?;
        }
        match existing {
            Existing::Replace => self.path.persist(path).map_err(|error| Error::at(path)(error.error))?,
            Existing::Refuse | Existing::Keep => match self.path.persist_noclobber(path) {
                Ok(()) => {}
                Err(error) if existing == Existing::Keep && error.error.kind() == io::ErrorKind::AlreadyExists => {
                    return Ok(());
                }
                Err(error) => return Err(Error::at(path)(error.error)),
            },
        }
        if durability == Durability::Synced {
            sync_folder(folder_of(path))?;
        }
        Ok(())
    }
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    let allowed = file.metadata()?.permissions().mode() & 0o777;
    if mode & allowed == allowed {
        return Ok(());
    }
    file.set_permissions(std::fs::Permissions::from_mode(mode & allowed))
}

/// Flushes a folder, so that the names in it survive a power failure.
pub fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at(folder))
}

/// Flushes everything that was written to the file system of `folder`: one wait for any number of files.
pub fn sync_filesystem(folder: &Path) -> Result<()> {
    #[cfg(target_os = "linux")]
    {
        let folder_file = File::open(folder).map_err(Error::at(folder))?;
        rustix::fs::syncfs(folder_file).map_err(io::Error::from).map_err(Error::at(folder))
    }
    #[cfg(not(target_os = "linux"))]
    {
        rustix::fs::sync();
        Ok(())
    }
}

/// The folder that a file is in; the current one for a bare name.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a stream to a file: as a whole, or not at all.
///
/// The content goes to a temporary file in the same folder; when the stream has ended without an error, it is flushed
/// and takes the name. A stream that has to be checked is passed through [`crate::verified`] before. If the future is
/// dropped, nothing is left.
pub async fn write_file(stream: ByteStream, path: impl Into<PathBuf>, existing: Existing) -> Result<(Digest, u64)> {
    write_file_as(stream, path, 0o644, existing).await
}

/// The same with other permissions than those of an ordinary file.
pub async fn write_file_as(
    stream: ByteStream,
    path: impl Into<PathBuf>,
    mode: u32,
    existing: Existing,
) -> Result<(Digest, u64)> {
    let path = path.into();
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(Error::at(&path)(io::ErrorKind::AlreadyExists.into()));
    }
    let mut staged = Staged::new(folder_of(&path));
    staged.fill(stream).await?;
    let finished = staged.finish().await?;
    let measured = (finished.digest.clone(), finished.size);
    finished.persist(path, mode, existing, Durability::Synced).await?;
    Ok(measured)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{once, verified};

    fn names(folder: &Path) -> Vec<String> {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[tokio::test]
    async fn small_and_large_content_is_measured_and_named() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 5, SMALL, SMALL + 1, 40 << 20] {
            let content = Bytes::from(vec![7; size]);
            let mut staged = Staged::new(folder.path());
            for chunk in content.chunks(300_000) {
                staged.write(Bytes::copy_from_slice(chunk)).await.unwrap();
            }
            let finished = staged.finish().await.unwrap();
            assert_eq!((finished.digest(), finished.size()), (&Digest::of(&content), size as u64));
            let path = folder.path().join("named");
            finished.persist(&path, 0o444, Existing::Replace, Durability::Synced).await.unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), content);
            assert_eq!(names(folder.path()), ["named"]);
        }
    }

    #[tokio::test]
    async fn content_is_named_after_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 5, 5, TINY as usize + 1, SMALL + 1] {
            let content = Bytes::from(vec![7; size]);
            let mut staged = Staged::new(folder.path());
            staged.write(content.clone()).await.unwrap();
            let (path, digest, measured) = staged.finish_by_digest().await.unwrap();
            assert_eq!((&digest, measured), (&Digest::of(&content), size as u64));
            assert_eq!(path, folder.path().join(digest.file_name()));
            assert_eq!(std::fs::read(&path).unwrap(), content);
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7133, 0);
        }
        assert_eq!(names(folder.path()).len(), 4);
    }

    #[tokio::test]
    async fn a_failed_or_abandoned_stream_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let wrong = verified(once("content"), None, Some(Digest::of("other")));
        assert!(write_file(wrong, &path, Existing::Refuse).await.is_err());
        let mut staged = Staged::new(folder.path());
        staged.write(vec![0; SMALL + 1].into()).await.unwrap();
        assert_eq!(names(folder.path()).len(), 1);
        drop(staged);
        assert!(names(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn content_that_fails_or_is_abandoned_leaves_nothing_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let part = |chunks| futures_util::stream::iter((0..chunks).map(|_| Ok(Bytes::from(vec![7; 300_000]))));
        for chunks in [0, 1, 9] {
            let failing = part(chunks).chain(futures_util::stream::iter([Err(Error::source("the source is gone"))]));
            let mut staged = Staged::new(folder.path());
            let error = staged.fill(Box::pin(failing)).await.unwrap_err();
            assert!(error.to_string().contains("the source is gone"), "{error}");
            assert!(staged.write(Bytes::new()).await.is_err() && staged.finish().await.is_err(), "{chunks}");
            assert!(names(folder.path()).is_empty());
        }

        let read = std::sync::Arc::new(());
        let held = read.clone();
        let endless = part(9).chain(futures_util::stream::pending()).inspect(move |_| drop(held.clone()));
        let mut staged = Staged::new(folder.path());
        let filling = tokio::time::timeout(std::time::Duration::from_millis(50), staged.fill(Box::pin(endless)));
        assert!(filling.await.is_err());
        assert!(staged.finish().await.is_err(), "what is there is not all of it");
        assert!(names(folder.path()).is_empty());
        // Nobody goes on reading either.
        while std::sync::Arc::strong_count(&read) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_exists_is_kept_refused_or_replaced_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "long old content").unwrap();
        let error = write_file(once("new"), &path, Existing::Refuse).await.unwrap_err();
        assert!(matches!(error, Error::File { source, .. } if source.kind() == io::ErrorKind::AlreadyExists));
        write_file(once("new"), &path, Existing::Keep).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"long old content");
        write_file(once("new"), &path, Existing::Replace).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[tokio::test]
    async fn nothing_can_be_finished_after_a_failed_write() {
        let mut staged = Staged::new("/nowhere/at/all");
        staged.write(vec![0; SMALL].into()).await.unwrap();
        assert!(staged.write(vec![0; 1].into()).await.is_err());
        assert!(staged.write(vec![0; 1].into()).await.is_err());
        assert!(staged.finish().await.is_err());
    }

    #[tokio::test]
    async fn what_was_left_is_continued_and_hashed_anew() {
        let folder = tempfile::tempdir().unwrap();
        let content = Bytes::from((0..3 << 20).map(|at: u32| (at / 7) as u8).collect::<Vec<_>>());
        let digest = Digest::of(&content);
        let blob = crate::MemoryBlob::new(content.clone());
        let half = || async {
            let mut staged = Staged::resume(folder.path(), digest.clone(), None).await.unwrap();
            staged.write(content.slice(..2 << 20)).await.unwrap();
        };
        half().await;
        let part = crate::staged_pipeline::part_path(folder.path(), &digest);
        while part.metadata().map_or(0, |part| part.len()) < 2 << 20 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        // The thread that wrote it lets go of it a moment later.
        let staged = loop {
            let staged = Staged::resume(folder.path(), digest.clone(), Some(3 << 20)).await.unwrap();
            if staged.size() > 0 {
                break staged;
            }
        };
        assert_eq!(staged.size(), 2 << 20);
        let mut other = Staged::resume(folder.path(), digest.clone(), Some(3 << 20)).await.unwrap();
        assert_eq!(other.size(), 0, "a part has one writer");
        other.complete(&blob).await.unwrap();
        other.finish_by_digest().await.unwrap();
        let mut staged = staged;
        staged.complete(&blob).await.unwrap();
        let (path, actual, size) = staged.finish_by_digest().await.unwrap();
        assert_eq!((actual, size), (digest.clone(), 3 << 20));
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert_eq!(names(folder.path()), [digest.file_name()]);

        std::fs::write(&part, vec![0; 2 << 20]).unwrap();
        let mut staged = Staged::resume(folder.path(), digest.clone(), Some(3 << 20)).await.unwrap();
        staged.complete(&blob).await.unwrap();
        assert_ne!(staged.finish_by_digest().await.unwrap().1, digest, "damage shows");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn room_is_set_aside_for_content_of_known_size() {
        use std::os::unix::fs::MetadataExt as _;

        let folder = tempfile::tempdir().unwrap();
        let (size, half) = (16 << 20, Bytes::from(vec![7; 8 << 20]));
        let digest = Digest::of([half.clone(), half.clone()].concat());
        let part = crate::staged_pipeline::part_path(folder.path(), &digest);
        let held = || part.metadata().unwrap().blocks() * 512;

        // No disk has so much: that is said before anything is written.
        let mut staged = Staged::resume(folder.path(), digest.clone(), Some(1 << 62)).await.unwrap();
        let error = staged.write(half.clone()).await.unwrap_err().to_string();
        assert!(error.contains("no room for content that is said to have 4611686018427387904 bytes"), "{error}");
        drop(staged);
        assert_eq!(part.metadata().unwrap().len(), 0);

        let mut staged = Staged::resume(folder.path(), digest.clone(), Some(size)).await.unwrap();
        staged.write(half.clone()).await.unwrap();
        assert!(held() >= size, "{}", held());

        // What is left holds no more than it has; the thread that writes it may take a moment.
        drop(staged);
        for _ in 0..1000 {
            if part.metadata().unwrap().len() == half.len() as u64 && held() < size {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert_eq!(part.metadata().unwrap().len(), half.len() as u64);
        assert!(held() < size, "{}", held());

        let mut staged = Staged::resume(folder.path(), digest.clone(), Some(size)).await.unwrap();
        staged.write(half.clone()).await.unwrap();
        staged.finish_as(&digest).await.unwrap();
    }
}
