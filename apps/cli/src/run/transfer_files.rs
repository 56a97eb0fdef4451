//! Files that a transfer leaves behind: the list of component versions, the report, and the places of images.

use std::path::Path;

use ocm::folder_of;
use ocm::ops::transfer::{Images, Report};

use super::kept::Kept;
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

/// Fails where files, each with its flag, would overwrite each other, or a target.
pub(super) fn check_distinct(files: &[(&str, Option<&Path>)], targets: &[String]) -> Result<(), Failure> {
    for (position, (flag, file)) in files.iter().enumerate() {
        let others = files.get(position + 1..).unwrap_or_default();
        if let Some(file) = file
            && let Some((other, _)) = others.iter().find(|(_, other)| other.is_some_and(|other| is_same(file, other)))
        {
            return Err(Failure::usage(format!("{flag} and {other} both name {}", file.display()))
                .hint("give each a file of its own"));
        }
    }
    for (flag, file) in files {
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

/// The file that receives the places of images.
pub(super) struct ValuesFile(Kept);

impl ValuesFile {
    /// Finds out before anything moves whether it can be written.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        Kept::open("--emit-values", "list of images", path).map(Self).map_err(nothing_transferred)
    }

    /// Writes the places.
    pub(super) fn write(self, images: &Images) -> Result<(), Failure> {
        let is_json = self.0.path().to_string_lossy().to_lowercase().ends_with(".json");
        let text = object(if is_json { Structure::Json } else { Structure::Yaml }, images)?;
        self.0.write(&text)
    }
}

fn nothing_transferred(failure: Failure) -> Failure {
    failure.hint("nothing was transferred")
}
