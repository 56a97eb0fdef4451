use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;

use crate::archive::EntryPath;
use crate::file::read_part_in_background;
use crate::{Blob, ByteStream, Digest, Error, OpenFile, Result, verified};

/// A directory whose content nobody vouches for: an image layout or an archive that somebody else put there.
///
/// Files are opened through the handle of the directory, one component after the other, and symbolic links are never
/// followed: `blobs/sha256/…` must not turn out to be `/etc/shadow`.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    handle: Arc<OwnedFd>,
}

impl Folder {
    /// Opens a directory. The path itself may contain links; it comes from the user.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = openat(CWD, &path, flags, Mode::empty()).map_err(io::Error::from).map_err(Error::at(&path))?;
        Ok(Self { path, handle: Arc::new(handle) })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A regular file by its path below the directory; `None` if it does not exist.
    ///
    /// # Errors
    /// A path that leads out, a symbolic link anywhere on the way, and anything that is no regular file.
    pub fn blob(&self, path: &str) -> Result<Option<FolderBlob>> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let metadata = file.metadata().map_err(Error::at(self.path.join(path)))?;
        Ok(Some(FolderBlob { folder: self.clone(), path: path.to_owned(), size: metadata.len() }))
    }

    /// A small file as a whole, at most `limit` bytes; `None` if it does not exist.
    ///
    /// It is opened once, so a file that is replaced meanwhile is read as it was before or as it is afterwards.
    pub fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let shown = self.path.join(path);
        let size = file.metadata().map_err(Error::at(&shown))?.len();
        if size > limit {
            return Err(Error::TooLarge { what: shown.display().to_string(), limit });
        }
        let mut content = Vec::with_capacity(size as usize);
        // It may have grown since; what is too large is an error, never cut.
        file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(Error::at(&shown))?;
        if content.len() as u64 > limit {
            return Err(Error::TooLarge { what: shown.display().to_string(), limit });
        }
        Ok(Some(content))
    }

    fn file(&self, path: &str) -> Result<Option<File>> {
        let shown = self.path.join(path);
        let fail = |reason: &str| Err(Error::Archive(format!("{}: {reason}", shown.display())));
        let parsed = match EntryPath::parse(path.as_bytes()) {
            Ok(parsed) if !parsed.is_root() => parsed,
            Ok(_) => return fail("not a regular file"),
            Err(reason) => return fail(reason),
        };
        let mut handle = None::<OwnedFd>;
        let mut components = parsed.components().peekable();
        while let Some(name) = components.next() {
            let above = handle.as_ref().unwrap_or(&self.handle);
            // Opening a pipe must not wait for somebody to write to it.
            let kind = if components.peek().is_some() { OFlags::DIRECTORY } else { OFlags::NONBLOCK };
            match openat(above, name, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | kind, Mode::empty()) {
                Ok(next) => handle = Some(next),
                Err(Errno::NOENT) => return Ok(None),
                Err(Errno::LOOP | Errno::MLINK) => return fail("is a symbolic link, which is not followed here"),
                Err(Errno::NOTDIR)
                    if std::fs::symlink_metadata(&shown)
                        .is_err_and(|error| error.kind() == io::ErrorKind::NotFound) =>
                {
                    return Ok(None);
                }
                Err(Errno::NOTDIR) => {
                    return fail("lies below something that is not a directory (a symbolic link is not followed here)");
                }
                Err(error) => return Err(Error::at(&shown)(error.into())),
            }
        }
        let Some(handle) = handle else { return Ok(None) };
        let file = File::from(handle);
        if file.metadata().map_err(Error::at(&shown))?.is_file() { Ok(Some(file)) } else { fail("not a regular file") }
    }
}

/// A file below a [`Folder`].
#[derive(Clone, Debug)]
pub struct FolderBlob {
    folder: Folder,
    path: String,
    size: u64,
}

impl FolderBlob {
    /// The file, and how it is called in messages.
    fn file(&self) -> Result<(File, PathBuf)> {
        let shown = self.folder.path.join(&self.path);
        match self.folder.file(&self.path)? {
            Some(file) => Ok((file, shown)),
            None => Err(Error::at(shown)(io::ErrorKind::NotFound.into())),
        }
    }
}

#[async_trait]
impl Blob for FolderBlob {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_at(&self, offset: u64) -> Result<ByteStream> {
        let blob = self.clone();
        let left = self.size.saturating_sub(offset);
        let stream = read_part_in_background(left, move || {
            let (mut file, shown) = blob.file()?;
            file.seek(SeekFrom::Start(offset)).map_err(Error::at(shown))?;
            Ok(file)
        });
        Ok(verified(stream, Some(left), None))
    }

    async fn open_file(&self, offset: u64) -> Result<Option<OpenFile>> {
        let blob = self.clone();
        OpenFile::open(move || {
            let (file, shown) = blob.file()?;
            OpenFile::new(file, shown, offset, blob.size.saturating_sub(offset))
        })
        .await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::read_to_end;
    use std::os::unix::fs::symlink;

    #[tokio::test]
    async fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let secret = tempfile::tempdir().unwrap();
        std::fs::write(secret.path().join("file"), "secret").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/file"), "content").unwrap();
        symlink(secret.path().join("file"), folder.path().join("link")).unwrap();
        symlink(secret.path(), folder.path().join("linked")).unwrap();
        let opened = Folder::open(folder.path()).unwrap();
        let blob = opened.blob("sub/file").unwrap().unwrap();
        assert_eq!(read_to_end(blob.open_at(3).await.unwrap(), 10, "file").await.unwrap(), "tent");
        assert!(opened.blob("missing").unwrap().is_none());
        assert!(opened.blob("missing/file").unwrap().is_none());
        for refused in ["link", "linked/file", "sub", "../x", "/etc/passwd", ""] {
            assert!(opened.blob(refused).is_err(), "{refused}");
        }
    }
}
