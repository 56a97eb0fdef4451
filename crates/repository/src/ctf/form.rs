use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use ocm_blob::Parts;
use ocm_oci::{Error, Kind};

use crate::Result;

/// Name of the file that makes a folder a transport archive.
pub(crate) const INDEX_FILE: &str = "artifact-index.json";

/// Name of the folder that holds the content.
pub(crate) const BLOBS: &str = "blobs";

/// What an archive is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only reading; the archive must exist.
    Read,
    /// Reading and writing; the archive must exist.
    ReadWrite,
    /// Reading and writing; made with its parent folders if it does not exist.
    Create,
}

/// How an archive lies on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A folder.
    Directory,
    /// A tar file.
    Tar,
    /// A tar file compressed with gzip.
    TarGzip,
}

/// Size of a tar header.
const TAR_BLOCK: usize = 512;

impl Form {
    /// The form that the name of a new archive asks for: `.tar`, `.tgz`, `.tar.gz`, anything else a folder.
    pub fn of_name(path: &Path) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
        if ends(&[".tgz", ".tar.gz"]) {
            Self::TarGzip
        } else if ends(&[".tar"]) {
            Self::Tar
        } else {
            Self::Directory
        }
    }

    /// The form of what is there, by its content; `None` if nothing is there.
    pub(crate) fn of_content(path: &Path) -> Result<Option<Self>> {
        let local = |error: std::io::Error| Error::new(Kind::Local, path.display(), &error).caused_by(error);
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(local(error)),
        };
        if metadata.is_dir() {
            return Ok(Some(Self::Directory));
        }
        if !metadata.is_file() {
            return Err(no_archive(path, "is neither a folder nor a file"));
        }
        let mut start = Vec::with_capacity(TAR_BLOCK);
        let file = File::open(path).map_err(local)?;
        file.take(TAR_BLOCK as u64).read_to_end(&mut start).map_err(local)?;
        match start.as_slice() {
            [] => Err(no_archive(path, "is an empty file")),
            [0x1f, 0x8b, ..] => Ok(Some(Self::TarGzip)),
            // An archive without entries begins with its end, which is zeros.
            header if header.get(257..262) == Some(b"ustar") || header == [0; TAR_BLOCK] => Ok(Some(Self::Tar)),
            other => Err(no_archive(path, &unknown_form(other))),
        }
    }
}

/// Fails unless the folder is an archive or nothing else is in it; hidden entries do not count.
pub(crate) fn check_folder(path: &Path) -> Result<()> {
    let local = |error: std::io::Error| Error::new(Kind::Local, path.display(), &error).caused_by(error);
    if path.join(INDEX_FILE).symlink_metadata().is_ok() {
        return Ok(());
    }
    for entry in std::fs::read_dir(path).map_err(local)? {
        let name = entry.map_err(local)?.file_name();
        // Another writer made it an archive after the look at it.
        if name == INDEX_FILE {
            return Ok(());
        }
        if name != BLOBS && !name.to_string_lossy().starts_with('.') {
            return Err(no_archive(path, &format!("has no {INDEX_FILE} but other content{}", below(path))));
        }
    }
    Ok(())
}

/// Where else the archive is if it was unpacked one folder deeper; nothing if it is not there.
fn below(path: &Path) -> String {
    let mut entries = std::fs::read_dir(path).into_iter().flatten().filter_map(Result::ok);
    let inner = entries.find(|entry| entry.path().join(INDEX_FILE).is_file());
    inner.map_or_else(String::new, |inner| format!("; {} has one", inner.path().display()))
}

/// Why a file is no archive, by its beginning.
fn unknown_form(start: &[u8]) -> String {
    const COMPRESSED: [(&[u8], &str); 4] =
        [(b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip")];
    match COMPRESSED.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, name)) => format!("is packed with {name}: unpack it, or pack it as a tar file, with gzip or without"),
        None => "is neither a folder nor a tar file".to_owned(),
    }
}

/// Fails for the name by which other programs mean their standard input or output.
pub(crate) fn check_name(path: &Path) -> Result<()> {
    if path.as_os_str() == "-" {
        let reason = "is no place: archives cannot be streams, name a file or folder (./- for one of this name)";
        return Err(Error::new(Kind::Malformed, "-", reason));
    }
    Ok(())
}

/// Fails unless a new archive can begin there: not under the name of a part, and not inside of another archive's folder,
/// where it would travel with it unseen and be in the way of it.
pub(crate) fn check_new(path: &Path) -> Result<()> {
    if let Some(whole) = Parts::whole(path).filter(|whole| Form::of_name(whole) != Form::Directory) {
        let whole = whole.display();
        let reason = format!("is the name of a part: name the archive {whole}, which --split SIZE cuts into parts");
        return Err(Error::new(Kind::Malformed, path.display(), reason));
    }
    let local = |error: std::io::Error| Error::new(Kind::Local, path.display(), &error).caused_by(error);
    let absolute = std::path::absolute(path).map_err(local)?;
    // Links lead into archives too.
    let there = absolute.ancestors().skip(1).find_map(|folder| folder.canonicalize().ok());
    let holds = |folder: &&Path| folder.join(INDEX_FILE).is_file() && folder.join(BLOBS).is_dir();
    match there.as_deref().into_iter().flat_map(Path::ancestors).find(holds) {
        None => Ok(()),
        Some(other) => {
            let reason =
                format!("is inside of the transport archive {}: choose a place outside of it", other.display());
            Err(Error::new(Kind::Conflict, path.display(), reason))
        }
    }
}

/// What is there is something else: nothing is wrong with it, but nothing can be done with it here.
pub(crate) fn no_archive(path: &Path, reason: &str) -> Error {
    Error::new(Kind::Unsupported, path.display(), format!("is not a transport archive: {reason}"))
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Directory => "directory",
            Self::Tar => "tar",
            Self::TarGzip => "tgz",
        })
    }
}
