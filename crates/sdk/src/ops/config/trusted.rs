use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ocm_blob::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// Name of the list in the folder of the program's state.
const NAME: &str = "trusted-configurations.json";

/// Largest configuration file in bytes; certificates and keys in it are a few thousand each.
pub const LARGEST_FILE: u64 = 4 << 20;

/// Largest list in bytes.
const LARGEST: u64 = 1 << 20;

/// Files that somebody has said to trust: configuration files found in working directories, which may be somebody else's.
#[derive(Clone, Debug)]
pub struct TrustedFiles {
    folder: PathBuf,
}

/// A file that is trusted as long as its content stays the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustedFile {
    /// Its path, without links.
    pub path: PathBuf,
    /// SHA-256 of its content, in hexadecimal digits.
    pub sha256: String,
}

#[derive(Default, Serialize, Deserialize)]
struct List {
    files: Vec<TrustedFile>,
}

impl TrustedFiles {
    /// The list in a folder, which is made when the first file is added.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Whether a file with this content is trusted. A list that cannot be read trusts nobody.
    pub fn trusts(&self, path: &Path, content: &[u8]) -> bool {
        let Ok(file) = describe(path, content) else { return false };
        self.read().is_ok_and(|list| list.files.contains(&file))
    }

    /// Trusts a file as it is now.
    ///
    /// # Errors
    /// The file cannot be read, or the list not be written.
    pub fn add(&self, path: &Path) -> Result<TrustedFile> {
        let content = read(path)?;
        let file = describe(path, &content).map_err(|error| failed(path, &error))?;
        let mut list = self.read()?;
        list.files.retain(|known| known.path != file.path);
        list.files.push(file.clone());
        self.write(&list)?;
        Ok(file)
    }

    /// Trusts a file no longer; it need not exist any more.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if it was not trusted, and the list cannot be read or written.
    pub fn remove(&self, path: &Path) -> Result<TrustedFile> {
        let canonical =
            fs::canonicalize(path).or_else(|_| std::path::absolute(path)).map_err(|error| failed(path, &error))?;
        let mut list = self.read()?;
        let Some(index) = list.files.iter().position(|known| known.path == canonical) else {
            return Err(Error::new(Kind::NotFound, format!("{}: is not among the trusted files", path.display())));
        };
        let file = list.files.remove(index);
        self.write(&list)?;
        Ok(file)
    }

    /// Where the list is.
    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn read(&self) -> Result<List> {
        let path = self.path();
        let text = match fs::metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(List::default()),
            Err(error) => return Err(failed(&path, &error)),
            Ok(metadata) if metadata.len() > LARGEST => {
                return Err(Error::new(Kind::Other, format!("{}: is larger than {LARGEST} bytes", path.display())));
            }
            Ok(_) => fs::read(&path).map_err(|error| failed(&path, &error))?,
        };
        serde_json::from_slice(&text).map_err(|error| {
            Error::new(Kind::Other, format!("{}: {error}", path.display())).hint("remove it and trust the files again")
        })
    }

    fn write(&self, list: &List) -> Result<()> {
        let path = self.path();
        let write = || {
            fs::create_dir_all(&self.folder)?;
            // For its owner alone, as a whole or not at all.
            let mut file = tempfile::Builder::new().prefix(".ocm-").tempfile_in(&self.folder)?;
            serde_json::to_writer_pretty(&mut file, list)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|error| failed(&path, &error))
    }
}

/// What a configuration file holds, up to the limit for them.
fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |error: io::Error| Error::unreadable(path.display(), &error);
    if !fs::metadata(path).map_err(failed)?.is_file() {
        // A pipe would be waited for without end.
        return Err(Error::usage(format!("{}: is no file", path.display())));
    }
    let mut content = Vec::new();
    fs::File::open(path).map_err(failed)?.take(LARGEST_FILE + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > LARGEST_FILE {
        let reason = "is larger than the limit of a configuration file";
        return Err(Error::usage(format!("{}: {reason}, {LARGEST_FILE} bytes", path.display())));
    }
    Ok(content)
}

fn describe(path: &Path, content: &[u8]) -> io::Result<TrustedFile> {
    Ok(TrustedFile { path: fs::canonicalize(path)?, sha256: Digest::of(content).hex() })
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(Kind::Other, format!("{}: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_trusted_as_long_as_it_stays_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let trusted = TrustedFiles::in_folder(&folder.path().join("state"));
        let file = folder.path().join("c.yaml");
        fs::write(&file, "a").unwrap();
        assert!(!trusted.trusts(&file, b"a"));
        trusted.add(&file).unwrap();
        assert!(trusted.trusts(&folder.path().join(".").join("c.yaml"), b"a") && !trusted.trusts(&file, b"b"));
        fs::write(&file, "b").unwrap();
        trusted.add(&file).unwrap();
        assert!(trusted.trusts(&file, b"b") && !trusted.trusts(&file, b"a"));
        trusted.remove(&file).unwrap();
        assert!(!trusted.trusts(&file, b"b"));
        assert_eq!(trusted.remove(&file).unwrap_err().kind(), Kind::NotFound);
        // As large as a configuration file may be, and no larger.
        fs::write(&file, vec![b'#'; 2 << 20]).unwrap();
        trusted.add(&file).unwrap();
        fs::write(&file, vec![b'#'; LARGEST_FILE as usize + 1]).unwrap();
        let error = trusted.add(&file).unwrap_err();
        assert!(error.kind() == Kind::Usage && error.to_string().contains("of a configuration file"), "{error}");
        assert_eq!(trusted.add(folder.path()).unwrap_err().kind(), Kind::Usage);
        fs::write(trusted.path(), "broken").unwrap();
        assert!(!trusted.trusts(&file, b"b") && trusted.add(&file).is_err());
    }
}
