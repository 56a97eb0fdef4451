//! What stands around the content of a tar archive, for those who put content into its place themselves.

use crate::archive::EntryPath;
use crate::pack::{Fields, encode};
use crate::{Error, Result};

/// What ends an archive.
pub const END: [u8; crate::pack::TRAILER] = [0; crate::pack::TRAILER];

/// What stands before the content of a file: mode 0644, time 0, no owner.
///
/// # Errors
/// A name that is no path inside an archive.
pub fn file_header(name: &str, size: u64) -> Result<Vec<u8>> {
    check(name)?;
    Ok(encode(&Fields { name: name.to_owned(), size, mode: 0o644, ..Fields::default() }))
}

/// The entry of a folder: mode 0755, no slash at the end of its name.
///
/// # Errors
/// As [`file_header`].
pub fn folder_entry(name: &str) -> Result<Vec<u8>> {
    check(name)?;
    Ok(encode(&Fields { name: name.to_owned(), directory: true, mode: 0o755, ..Fields::default() }))
}

/// Zero bytes after content of `size` bytes.
pub fn padding(size: u64) -> u64 {
    crate::pack::padding(size) as u64
}

fn check(name: &str) -> Result<()> {
    let path = EntryPath::parse(name.as_bytes());
    path.map(drop).map_err(|reason| Error::Archive(format!("cannot pack the entry {name:?}: {reason}")))
}
