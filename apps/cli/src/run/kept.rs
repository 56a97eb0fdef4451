//! Files that commands leave behind, each written as a whole.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ocm::folder_of;
use tempfile::NamedTempFile;

use crate::exit::{Exit, Failure};

/// The list of what is in an archive that is a folder.
const INDEX: &str = "artifact-index.json";

/// Writes what a command found out to a file; folders that are missing are made.
pub(super) fn write(flag: &'static str, what: &str, path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::create_dir_all(folder_of(path))
        .map_err(|error| Failure::new(Exit::Failed, format!("{flag} {}: {error}", path.display())))?;
    Kept::open(flag, what, path)?.write(text)
}

/// A file that is written at the end, as a whole: who finds it finds all of it, whatever ended the program before.
pub(super) struct Kept {
    flag: &'static str,
    path: PathBuf,
    /// What the name led to before, where it has to be written to as it is: a pipe, a device, or a file in a folder that
    /// takes no other one.
    in_place: Option<File>,
}

impl Kept {
    /// Finds out whether the file can be written, and leaves what is there as it is.
    pub(super) fn open(flag: &'static str, what: &str, path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Err(Failure::usage(format!("the {what} of {flag} cannot be written to the standard output"))
                .hint("give the path of a file"));
        }
        match Self::probe(path) {
            Ok((path, in_place)) => Ok(Self { flag, path, in_place }),
            // Refused here: a mistake in the command line. What the system says has no number of its own.
            Err(error) if error.kind() == io::ErrorKind::Other => {
                Err(Failure::usage(format!("{flag} {}: {error}", path.display())).hint("give it a file of its own"))
            }
            Err(error) => Err(Failure::new(Exit::Failed, format!("{flag} {}: {error}", path.display()))
                .hint("the folder of the file has to be there and writable")),
        }
    }

    fn probe(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
        let there = match OpenOptions::new().write(true).open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(file) = there else {
            // A file without a name: nothing of it stays, however the program ends.
            tempfile::tempfile_in(folder_of(path))?;
            return Ok((path.to_owned(), None));
        };
        if !file.metadata()?.is_file() {
            return Ok((path.to_owned(), Some(file)));
        }
        // A link stays one; what it leads to is replaced.
        let path = path.canonicalize()?;
        if is_archive(&path) {
            return Err(io::Error::other("is an archive, which would be replaced"));
        }
        if is_in_archive(&path) {
            return Err(io::Error::other("is a file of an archive, which would lose it"));
        }
        let in_place = tempfile::tempfile_in(folder_of(&path)).is_err().then_some(file);
        Ok((path, in_place))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it.
    pub(super) fn write(self, text: &str) -> Result<(), Failure> {
        let Self { flag, path, in_place } = self;
        let written = match in_place {
            Some(mut file) => overwrite(&mut file, text.as_bytes()),
            None if is_archive(&path) => Err(io::Error::other("is an archive by now, which would be replaced")),
            None => replace(&path, text.as_bytes()),
        };
        written.map_err(|error| Failure::new(Exit::Failed, format!("{flag} {}: {error}", path.display())))
    }
}

/// A file beside `path` without its name yet, with the permissions of the one that it will replace.
fn new_file(path: &Path, old: Option<&File>) -> io::Result<NamedTempFile> {
    let permissions = match old {
        Some(old) => old.metadata()?.permissions(),
        // Asking for all permissions leaves those that the process does not mask.
        None => Permissions::from_mode(0o666),
    };
    let mut new = tempfile::Builder::new();
    let new = new.prefix(".ocm-").suffix(".part").permissions(permissions.clone()).tempfile_in(folder_of(path))?;
    if old.is_some() {
        new.as_file().set_permissions(permissions)?;
    }
    Ok(new)
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let old = OpenOptions::new().write(true).open(path).ok();
    let mut new = new_file(path, old.as_ref())?;
    new.write_all(content)?;
    new.as_file().sync_all()?;
    match (new.persist(path), old) {
        (Ok(_), _) => Ok(()),
        // A single file that is mounted into a container cannot be replaced.
        (Err(error), Some(mut old)) if error.error.kind() == io::ErrorKind::ResourceBusy => {
            overwrite(&mut old, content)
        }
        (Err(error), _) => Err(error.error),
    }
}

fn overwrite(file: &mut File, content: &[u8]) -> io::Result<()> {
    // Pipes and devices have no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(content)
}

/// Whether it is one of the files of an archive that is a folder.
fn is_in_archive(path: &Path) -> bool {
    let holds_index = |folder: Option<&Path>| folder.is_some_and(|folder| folder.join(INDEX).is_file());
    path.ends_with(INDEX) || path.parent().is_some_and(|blobs| blobs.ends_with("blobs") && holds_index(blobs.parent()))
}

/// Whether the file begins as an archive does: a report in its place would be the end of all that is in it, be it source,
/// base or part.
fn is_archive(path: &Path) -> bool {
    let mut start = [0; 262];
    let mut length = 0;
    let Ok(mut file) = File::open(path) else { return false };
    while let Some(read) = file.read(start.get_mut(length..).unwrap_or_default()).ok().filter(|read| *read > 0) {
        length += read;
    }
    start.starts_with(&[0x1f, 0x8b]) || start.ends_with(b"ustar")
}
