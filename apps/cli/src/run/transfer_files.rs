//! Files that a transfer leaves behind: the list of component versions, and the report.

use std::path::Path;

use ocm::ops::transfer::Report;

use super::kept::{Kept, folder_of};
use crate::exit::Failure;
use crate::print::{self, Structure, object};

/// The file that receives the list of transferred component versions.
pub(super) struct Bill(Kept);

impl Bill {
    /// Finds out before anything moves whether it can be written: a transfer must not end without the list it was to leave.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        Kept::open("--bom-file", "list", path).map(Self).map_err(nothing_transferred)
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
        if targets.iter().any(|target| is_within(file, Path::new(path_of(target)))) {
            return Err(Failure::usage(format!("{flag} {}: lies in the target", file.display()))
                .hint("nothing was transferred; give it a place outside of the archive"));
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

/// Whether a file lies in the folder of an archive, whose own files it could replace.
fn is_within(file: &Path, archive: &Path) -> bool {
    let (Ok(folder), Ok(archive)) = (folder_of(file).canonicalize(), archive.canonicalize()) else { return false };
    archive.join("artifact-index.json").exists() && folder.starts_with(archive)
}

/// The file that receives the report.
pub(super) struct ReportFile(Kept);

impl ReportFile {
    /// Finds out before anything moves whether it can be written: a transfer without its report must not begin.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        Kept::open("--report", "report", path).map(Self).map_err(nothing_transferred)
    }

    /// Writes the report.
    pub(super) fn write(self, report: &Report) -> Result<(), Failure> {
        let name = self.0.path().to_string_lossy().to_lowercase();
        let is_yaml = [".yaml", ".yml"].iter().any(|end| name.ends_with(end));
        let text = object(if is_yaml { Structure::Yaml } else { Structure::Json }, report)?;
        self.0.write(&text)
    }
}

fn nothing_transferred(failure: Failure) -> Failure {
    failure.hint("nothing was transferred")
}
