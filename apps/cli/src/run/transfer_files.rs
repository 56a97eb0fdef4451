//! Files that a transfer leaves behind: the list of component versions, and the report.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ocm::ops::transfer::Report;

use crate::exit::{Exit, Failure};
use crate::print::{self, Structure, object};

/// The file that receives the list of transferred component versions.
pub(super) struct Bill(Kept);

impl Bill {
    /// Opens the file before anything moves, so that a transfer does not end without the list it was to leave behind.
    pub(super) fn open(path: PathBuf) -> Result<Self, Failure> {
        Kept::open("--bom-file", "list", path).map(Self)
    }

    /// Writes the list.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        let bill = print::json::compact(&print::transfer::bill(report))?;
        self.0.write(&bill)
    }
}

/// Fails where the list and the report would overwrite each other.
pub(super) fn check_distinct(bill: Option<&Path>, report: Option<&Path>) -> Result<(), Failure> {
    match (bill, report) {
        (Some(bill), Some(report)) if bill == report => {
            Err(Failure::usage(format!("--bom-file and --report both name {}", report.display()))
                .hint("give each a file of its own"))
        }
        _ => Ok(()),
    }
}

/// The file that receives the report.
pub(super) struct ReportFile(Kept);

impl ReportFile {
    /// Opens the file before anything moves: a transfer without the report it was to leave behind must not begin.
    pub(super) fn open(path: PathBuf) -> Result<Self, Failure> {
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

/// A file that is written at the end.
struct Kept {
    flag: &'static str,
    path: PathBuf,
    file: File,
    /// Made here and empty so far: a transfer that fails before it is written leaves no such file behind.
    is_fresh: bool,
}

impl Kept {
    /// What the file holds stays until there is something new.
    fn open(flag: &'static str, what: &str, path: PathBuf) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Err(Failure::usage(format!("the {what} of {flag} cannot be written to the standard output"))
                .hint("give the path of a file"));
        }
        let opened = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(&path).map(|file| (file, false))
            }
            made => made.map(|file| (file, true)),
        };
        match opened {
            Ok((file, is_fresh)) => Ok(Self { flag, path, file, is_fresh }),
            Err(error) => Err(Failure::usage(format!("{flag} {}: {error}", path.display()))
                .hint("nothing was transferred; the folder of the file has to be there")),
        }
    }

    fn write(mut self, text: &str) -> Result<(), Failure> {
        self.replace(text.as_bytes())
            .map_err(|error| Failure::new(Exit::Failed, format!("{} {}: {error}", self.flag, self.path.display())))
    }

    fn replace(&mut self, content: &[u8]) -> io::Result<()> {
        // Pipes and devices have no length.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(content)?;
        self.is_fresh = false;
        Ok(())
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.is_fresh {
            // A file that stays, empty or cut short, is no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}
