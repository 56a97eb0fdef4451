//! Files that a transfer leaves behind: the list of component versions, and the report.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ocm::ops::transfer::Report;
use tempfile::NamedTempFile;

use crate::exit::{Exit, Failure};
use crate::print::{self, Structure, object};

/// The file that receives the list of transferred component versions.
pub(super) struct Bill(Kept);

impl Bill {
    /// Finds out before anything moves whether it can be written: a transfer must not end without the list it was to leave.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        Kept::open("--bom-file", "list", path).map(Self)
    }

    /// Writes the list.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        let bill = print::json::compact(&print::transfer::bill(report))?;
        self.0.write(&bill)
    }
}

/// Fails where the list and the report would overwrite each other, or a target.
pub(super) fn check_distinct(bill: Option<&Path>, report: Option<&Path>, targets: &[String]) -> Result<(), Failure> {
    if let (Some(bill), Some(report)) = (bill, report)
        && bill == report
    {
        return Err(Failure::usage(format!("--bom-file and --report both name {}", report.display()))
            .hint("give each a file of its own"));
    }
    for (flag, file) in [("--bom-file", bill), ("--report", report)] {
        let Some(file) = file else { continue };
        if targets.iter().any(|target| is_same(file, Path::new(path_of(target)))) {
            return Err(Failure::usage(format!("{flag} names the target {}", file.display()))
                .hint("nothing was transferred; give it a file of its own"));
        }
    }
    Ok(())
}

/// The path of an archive, without the type of repository that may be in front.
fn path_of(target: &str) -> &str {
    target.split_once("::").map_or(target, |(_, path)| path)
}

/// Whether both paths lead to the same place, which need not be there yet.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| match path.canonicalize() {
        Ok(place) => Some(place),
        Err(_) => Some(folder_of(path).canonicalize().ok()?.join(path.file_name()?)),
    };
    one == other || place(one).is_some_and(|one| place(other) == Some(one))
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

/// The file that receives the report.
pub(super) struct ReportFile(Kept);

impl ReportFile {
    /// Finds out before anything moves whether it can be written: a transfer without its report must not begin.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        Kept::open("--report", "report", path).map(Self)
    }

    /// Writes the report.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        let name = self.0.path.to_string_lossy().to_lowercase();
        let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        let text = object(if is_yaml { Structure::Yaml } else { Structure::Json }, report)?;
        self.0.write(&text)
    }
}

/// A file that is written at the end, as a whole: who finds it finds all of it, whatever ended the program before.
struct Kept {
    flag: &'static str,
    path: PathBuf,
    /// What the name led to before, where it has to be written to as it is: a pipe, a device, or a file in a folder that
    /// takes no other one.
    in_place: Option<File>,
}

impl Kept {
    /// Finds out whether the file can be written, and leaves what is there as it is.
    fn open(flag: &'static str, what: &str, path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Err(Failure::usage(format!("the {what} of {flag} cannot be written to the standard output"))
                .hint("give the path of a file"));
        }
        match Self::probe(path) {
            Ok((path, in_place)) => Ok(Self { flag, path, in_place }),
            Err(error) => Err(Failure::usage(format!("{flag} {}: {error}", path.display()))
                .hint("nothing was transferred; the folder of the file has to be there and writable")),
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
        let in_place = tempfile::tempfile_in(folder_of(&path)).is_err().then_some(file);
        Ok((path, in_place))
    }

    fn write(self, text: &str) -> Result<(), Failure> {
        let Self { flag, path, in_place } = self;
        let written = match in_place {
            Some(mut file) => overwrite(&mut file, text.as_bytes()),
            None if is_archive(&path) => Err(io::Error::other("is an archive by now, which would be replaced")),
            None => replace(&path, text.as_bytes()),
        };
        written.map_err(|error| Failure::new(Exit::Failed, format!("{flag} {}: {error}", path.display())))
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
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
