//! Archive files in parts: `NAME.001`, `NAME.002`, …

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocm_blob::{Blob, Cut, Parted, Parts, TarOf, folder_of, read_to_end, write_parts};
use ocm_oci::{Error, Kind};

use crate::Result;
use crate::ctf::archive::blocking;
use crate::ctf::commit::{INDEX_LIMIT, local};
use crate::ctf::disk;
use crate::ctf::form::Form;
use crate::ctf::staging::Staging;

/// What compression adds at most to content that does not compress: five bytes in 16 KiB, and the frame.
const COMPRESSION_ADDS: u64 = 1 << 16;

/// Room for what stands around the index and the list of what was left out.
const FRAMES: u64 = 1 << 16;

/// The file that is there if the archive is: the archive itself or its first part.
pub(crate) fn first_file(path: &Path) -> PathBuf {
    if path.symlink_metadata().is_ok() { path.to_path_buf() } else { Parts::part(path, 1) }
}

/// The parts of the archive that `path` names.
pub(crate) fn find(path: &Path) -> Result<Option<Parts>> {
    Parts::find(path).map_err(Error::blob("archive in parts"))
}

/// The same for a writer, who must not begin another archive beside what is left of one.
pub(crate) fn find_to_write(path: &Path) -> Result<Option<Parts>> {
    match find(path) {
        Err(error) if matches!(error.kind(), Kind::NotFound | Kind::Invalid) => {
            let name = Parts::name_of(path).unwrap_or_else(|| path.to_path_buf());
            let mut there: Vec<String> = Parts::present(&name).take(4).map(|part| part.display().to_string()).collect();
            if there.len() == 4 {
                there[3].replace_range(.., "…");
            }
            let advice = "bring the whole archive back, remove the parts, or choose another name";
            let reason =
                format!("{}; nothing is written beside its parts ({}): {advice}", error.reason(), there.join(", "));
            Err(Error::new(Kind::Conflict, error.subject(), reason).caused_by(error))
        }
        found => found,
    }
}

/// Fails if parts of this size are too small for any archive.
pub(crate) fn check_size(path: &Path, part_size: u64, form: Form) -> Result<()> {
    Cut::check(part_size, form == Form::TarGzip).map_err(|error| failed(path, error))
}

/// A size that cannot work is a mistake in the request and not in the content.
fn failed(path: &Path, error: ocm_blob::Error) -> Error {
    match error {
        ocm_blob::Error::PartSize(reason) => Error::new(Kind::Malformed, path.display(), reason),
        error => Error::blob(path.display())(error),
    }
}

/// Complete new parts are in this folder until all of them have their places. It is what decides: as long as it is there,
/// its parts are the archive, and whoever finds it puts them in place.
fn pending(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".parts");
    folder_of(path).join(name)
}

/// Ends what a writer of parts that was killed could not.
pub(crate) async fn recover(path: &Path) -> Result<()> {
    let path = Parts::name_of(path).unwrap_or_else(|| path.to_path_buf());
    blocking(move || {
        if pending(&path).symlink_metadata().is_err() {
            return Ok(());
        }
        let here = |error| local(&path, error);
        let _exclusive = disk::lock_folder(folder_of(&path)).map_err(here)?;
        move_in(&path)
    })
    .await
}

/// Gives complete parts their places, and removes what they replace: an archive in one file, and parts of a longer one.
/// Does nothing if there are none. Needs the lock of the folder.
pub(crate) fn move_in(path: &Path) -> Result<()> {
    let new = pending(path);
    let name = path.file_name().map_or(path, Path::new);
    let inside = |number| Parts::part(&new.join(name), number);
    if new.symlink_metadata().is_err() {
        return Ok(());
    }
    let first = if inside(1).exists() { inside(1) } else { Parts::part(path, 1) };
    let count = Parts::count(&first).map_err(Error::blob(first.display()))?;
    let work = || {
        for number in 1..=count {
            unless_missing(std::fs::rename(inside(number), Parts::part(path, number)))?;
        }
        for number in count + 1.. {
            match std::fs::remove_file(Parts::part(path, number)) {
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                result => result?,
            }
        }
        unless_missing(std::fs::remove_file(path))?;
        std::fs::File::open(folder_of(path))?.sync_all()?;
        std::fs::remove_dir(&new)
    };
    work().map_err(|error| local(path, error))
}

fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Writes an archive in parts, and puts it in place. `index` is the archive with nothing but its index, `behind` are the files
/// that follow on `tar`. Needs the lock of the folder.
pub(crate) async fn write(
    path: &Path,
    scratch: &Staging,
    (form, part_size): (Form, u64),
    (tar, index): (Arc<dyn Blob>, TarOf),
    size: u64,
    behind: Vec<PathBuf>,
) -> Result<()> {
    let here = || Error::blob(path.display());
    let compressed = form == Form::TarGzip;
    let at_most = if compressed { size + size / 1000 + COMPRESSION_ADDS } else { size };
    let start = if compressed {
        Vec::new()
    } else {
        let stream = index.open().await.map_err(here())?;
        let mut start = read_to_end(stream, 2 * INDEX_LIMIT + FRAMES, "index").await.map_err(here())?.to_vec();
        // Two blocks of zeros, which only the end of the whole has.
        start.truncate(start.len().saturating_sub(1024));
        start
    };
    let parts = scratch.path().join("parts");
    // An earlier attempt may have failed.
    let _ = std::fs::remove_dir_all(&parts);
    std::fs::create_dir(&parts).map_err(|error| local(&parts, error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stream = tar.open().await.map_err(here())?;
    let archive = Parted { stream, start: &start, behind };
    let cut = Cut { part_size, at_most, compressed };
    write_parts(archive, cut, &parts, &name).await.map_err(|error| failed(path, error))?;
    let path = path.to_path_buf();
    blocking(move || {
        std::fs::rename(&parts, pending(&path)).map_err(|error| local(&path, error))?;
        ocm_blob::sync_folder(folder_of(&path)).map_err(Error::blob(path.display()))?;
        move_in(&path)
    })
    .await
}
