use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat, symlinkat};

use crate::archive::EntryPath;
use crate::{CHUNK, Error, Existing, Result, StagedDirectory};

/// A directory in the making: reached through handles only, and private until it gets its name.
pub(super) struct Tree {
    folder: StagedDirectory,
    root: OwnedFd,
    made: HashMap<String, Made>,
    /// Symbolic links, made last.
    links: Vec<(EntryPath, String)>,
    /// The directory that the last file was put into; most entries share it with the one before.
    last: Option<(String, OwnedFd)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Made {
    Directory,
    File,
    Link,
}

impl Tree {
    pub(super) fn beside(target: &Path, existing: Existing) -> Result<Self> {
        let folder = StagedDirectory::beside(target, existing)?;
        let root = openat(CWD, folder.path(), FOLDER, Mode::empty()).map_err(at(folder.path()))?;
        Ok(Self { folder, root, made: HashMap::new(), links: Vec::new(), last: None })
    }

    pub(super) fn file(&mut self, path: &EntryPath, mode: u32, content: &mut impl Read) -> Result<u64> {
        let mut file = BufWriter::with_capacity(CHUNK, self.create(path, mode)?);
        io::copy(content, &mut file).and_then(|count| file.flush().map(|()| count)).map_err(|error| {
            match Error::from_read(error) {
                Error::Io(source) => Error::File { path: self.shown(path), source },
                error => error,
            }
        })
    }

    pub(super) fn directory(&mut self, path: &EntryPath, mode: u32) -> Result<()> {
        let Some((folder, _)) = path.split() else { return Ok(()) };
        self.ensure(folder, 0o755)?;
        self.ensure(path.as_str(), permissions(mode, 0o755, 0o700))
    }

    pub(super) fn symbolic_link(&mut self, path: &EntryPath, target: &str) -> Result<()> {
        let Some((folder, _)) = path.split() else { return Ok(()) };
        self.ensure(folder, 0o755)?;
        self.claim(path, Made::Link)?;
        self.links.push((path.clone(), target.to_owned()));
        Ok(())
    }

    /// A hard link as a file of its own: the same content, but never the same file, whatever happens to one of them.
    pub(super) fn copy(&mut self, path: &EntryPath, original: &EntryPath, limit: u64) -> Result<u64> {
        if self.made.get(original.as_str()) != Some(&Made::File) {
            return Err(refused(
                path,
                &format!("it is a hard link to {original}, which is no earlier file of the archive"),
            ));
        }
        let (folder, name) = original.split().unwrap_or_default();
        let source = openat(self.open_folder(folder)?, name, FILE, Mode::empty()).map_err(at(&self.shown(original)))?;
        let source = File::from(source);
        let metadata = source.metadata().map_err(Error::at(self.shown(original)))?;
        if metadata.len() > limit {
            return Err(refused(path, "the archive is larger than the limit"));
        }
        self.file(path, std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()), &mut { source })
    }

    /// Makes the links and gives the tree its name.
    pub(super) fn persist(mut self, existing: Existing) -> Result<()> {
        for (path, link) in std::mem::take(&mut self.links) {
            let Some((folder, name)) = path.split() else { continue };
            symlinkat(&link, self.open_folder(folder)?, name).map_err(at(&self.shown(&path)))?;
        }
        self.folder.persist(existing)
    }

    fn create(&mut self, path: &EntryPath, mode: u32) -> Result<File> {
        let Some((folder, name)) = path.split() else {
            return Err(refused(path, "it takes the place of the target directory"));
        };
        self.ensure(folder, 0o755)?;
        self.claim(path, Made::File)?;
        let mode = permissions(mode, 0o644, 0o400);
        if self.last.as_ref().is_none_or(|(last, _)| last != folder) {
            self.last = Some((folder.to_owned(), self.open_folder(folder)?));
        }
        let Some((_, handle)) = &self.last else {
            return Err(refused(path, "its directory cannot be opened"));
        };
        let created = openat(handle, name, NEW_FILE, Mode::from_raw_mode(mode as _)).map_err(at(&self.shown(path)))?;
        Ok(created.into())
    }

    /// Takes a path that nothing else in the archive has.
    fn claim(&mut self, path: &EntryPath, made: Made) -> Result<()> {
        match self.made.insert(path.as_str().to_owned(), made) {
            None => Ok(()),
            Some(_) => Err(refused(path, "the archive contains it twice")),
        }
    }

    /// Makes a directory and those above it where they are missing.
    fn ensure(&mut self, folder: &str, mode: u32) -> Result<()> {
        match self.made.get(folder) {
            _ if folder.is_empty() => return Ok(()),
            Some(Made::Directory) => return Ok(()),
            Some(Made::File) => {
                return Err(Error::Archive(format!("refused to unpack {folder:?}: it is a file and a directory")));
            }
            Some(Made::Link) => {
                return Err(Error::Archive(format!("refused to unpack into {folder:?}: it is a symbolic link")));
            }
            None => {}
        }
        let (above, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        self.ensure(above, 0o755)?;
        let shown = self.folder.path().join(folder);
        mkdirat(self.open_folder(above)?, name, Mode::from_raw_mode(mode as _)).map_err(at(&shown))?;
        self.made.insert(folder.to_owned(), Made::Directory);
        Ok(())
    }

    /// Goes down from the root one directory at a time; a link in the place of a directory is an error of the system.
    fn open_folder(&self, folder: &str) -> Result<OwnedFd> {
        let shown = self.folder.path().join(folder);
        let mut handle = self.root.try_clone().map_err(Error::at(&shown))?;
        for name in folder.split('/').filter(|name| !name.is_empty()) {
            handle = openat(&handle, name, FOLDER, Mode::empty()).map_err(at(&shown))?;
        }
        Ok(handle)
    }

    fn shown(&self, path: &EntryPath) -> PathBuf {
        self.folder.path().join(path.as_str())
    }
}

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const FILE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const NEW_FILE: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Permissions without set-user-ID and the like, and with what the owner needs. Some writers store mode 0 for everything.
fn permissions(mode: u32, default: u32, owner: u32) -> u32 {
    match mode & 0o777 {
        0 => default,
        mode => mode | owner,
    }
}

fn at(path: &Path) -> impl FnOnce(rustix::io::Errno) -> Error {
    let named = Error::at(path);
    move |error| named(error.into())
}

fn refused(path: &EntryPath, reason: &str) -> Error {
    Error::Archive(format!("refused to unpack {:?}: {reason}", path.as_str()))
}
