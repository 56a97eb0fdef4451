use std::io::Read as _;

use super::sequential::Decompressed;
use super::walk::{Kind, Source, Walk};
use crate::bridge;
use crate::{ByteStream, Error, Limits, Result};

impl Source for &[u8] {}

/// The one small file of a gzip-compressed tar archive whose name `is_it` accepts, with its name; `None` if there is none.
/// The archive is read to its end and never held in memory.
///
/// # Errors
/// Anything in the archive is malformed, it exceeds `limits`, two files have an accepted name, or the file is larger than
/// `largest` bytes.
pub async fn find_in_tar_gzip(
    stream: ByteStream,
    limits: Limits,
    largest: u64,
    is_it: impl Fn(&str) -> bool + Send + 'static,
) -> Result<Option<(String, Vec<u8>)>> {
    bridge::consume(stream, move |reader| {
        let mut walk = Walk::new(Decompressed::new(reader, limits));
        let mut found = None;
        let mut entries = 0;
        while let Some(entry) = walk.next()? {
            entries += 1;
            if entries > limits.entries {
                return Err(Error::Archive(format!("the archive has more than {} entries", limits.entries)));
            }
            let own = entry.name.strip_prefix("./").unwrap_or(&entry.name);
            if entry.kind != Kind::File || !is_it(own) {
                continue;
            }
            if entry.size > largest {
                return Err(Error::TooLarge { what: entry.name, limit: largest });
            }
            let mut content = Vec::new();
            walk.read_to_end(&mut content).map_err(Error::from_read)?;
            if let Some((other, _)) = found.replace((own.to_owned(), content)) {
                return Err(Error::Archive(format!("the archive contains both {other:?} and {own:?}")));
            }
        }
        Ok(found)
    })
    .await
}

/// The content of a file in a tar archive that lies in memory; `None` if there is no such file. `./` and `/` in front of
/// names in the archive do not count.
///
/// # Errors
/// Anything in the archive is malformed, or it contains the file twice.
pub fn file_in_tar(archive: &[u8], name: &str) -> Result<Option<Vec<u8>>> {
    let mut walk = Walk::new(archive);
    let mut found = None;
    while let Some(entry) = walk.next()? {
        let own = entry.name.strip_prefix("./").or_else(|| entry.name.strip_prefix('/')).unwrap_or(&entry.name);
        if own != name || entry.kind != Kind::File {
            continue;
        }
        let mut content = Vec::new();
        walk.read_to_end(&mut content).map_err(Error::from_read)?;
        if found.replace(content).is_some() {
            return Err(Error::Archive(format!("the archive contains the entry {name:?} twice")));
        }
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn a_file_is_found_by_its_name() {
        for name in ["file", "./file", "/file"] {
            let bytes = archive(&[("other", "no"), (name, "content"), ("folder/file", "no")]);
            assert_eq!(file_in_tar(&bytes, "file").unwrap().unwrap(), b"content");
            assert_eq!(file_in_tar(&bytes, "missing").unwrap(), None);
        }
    }

    #[test]
    fn what_readers_could_disagree_about_is_an_error() {
        let twice = archive(&[("file", "one"), ("./file", "two")]);
        let cut = archive(&[("file", &"x".repeat(1000))])[..1000].to_vec();
        for (bytes, reason) in [(twice, "twice"), (cut, "truncated")] {
            let error = file_in_tar(&bytes, "file").unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
