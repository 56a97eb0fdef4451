//! Unpacking tar archives that nobody vouches for.

mod tree;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::archive::{Decompressed, EntryPath, Kind, Source, Walk, refuse_other_forms};
use crate::{ByteStream, Error, Existing, Limits, Result, bridge, is_gzip};
use tree::Tree;

/// What to do with links in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Links {
    /// Symbolic links that stay inside are made, hard links become copies; all others are an error.
    #[default]
    Inside,
    /// Every link is an error.
    Refuse,
}

/// How an archive is unpacked.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExtractOptions {
    /// Bounds for entries and bytes; copies made for hard links count too.
    pub limits: Limits,
    /// What to do with links.
    pub links: Links,
    /// What to do if the target exists. An empty directory counts as not existing.
    pub existing: Existing,
}

/// What was unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Regular files, copies for hard links among them.
    pub files: usize,
    /// Bytes in these files.
    pub bytes: u64,
}

/// Unpacks a tar archive, plain or compressed with gzip, into the directory `target`.
///
/// # Guarantees
/// Everything is written to a temporary directory beside the target first, through directory handles, creating and never
/// opening what exists; symbolic links are made last, so that nothing is ever written through one. Only when the stream
/// has ended well, and so passed the checks of [`crate::verified`] if it was wrapped, the directory takes its name. If
/// anything fails, the target is untouched and nothing is left beside it. If the future is dropped, the thread that
/// writes notices at its next read and clears up; a runtime that is shut down waits for it.
///
/// Permissions are those of the archive less what the process masks, without set-user-ID and the like, and always
/// readable for the owner: some writers store mode 0.
pub async fn extract(stream: ByteStream, target: impl Into<PathBuf>, options: ExtractOptions) -> Result<Extracted> {
    let target = target.into();
    bridge::consume(stream, move |reader| extract_from(reader, &target, options)).await
}

/// The same from a blocking reader, on this thread.
pub fn extract_from(mut reader: impl Read, target: &Path, options: ExtractOptions) -> Result<Extracted> {
    let mut tree = Tree::beside(target, options.existing)?;
    let mut magic = Vec::with_capacity(6);
    reader.by_ref().take(6).read_to_end(&mut magic).map_err(Error::from_read)?;
    let compressed = is_gzip(&magic);
    if !compressed {
        refuse_other_forms(&magic)?;
    }
    let whole = io::Cursor::new(magic).chain(reader);
    let extracted = if compressed {
        unpack(Decompressed::new(whole, options.limits), &mut tree, options)?
    } else {
        unpack(Plain(whole), &mut tree, options)?
    };
    tree.persist(options.existing)?;
    Ok(extracted)
}

struct Plain<R>(R);

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Plain<R> {}

fn unpack<S: Source>(source: S, tree: &mut Tree, options: ExtractOptions) -> Result<Extracted> {
    let mut walk = Walk::new(source);
    let mut extracted = Extracted::default();
    let mut entries = 0;
    while let Some(entry) = walk.next()? {
        entries += 1;
        if entries > options.limits.entries {
            return Err(Error::Archive(format!("the archive has more than {} entries", options.limits.entries)));
        }
        let refused = |reason: &str| Error::Archive(format!("refused to unpack {:?}: {reason}", entry.name));
        let path = entry.path.as_ref().map_err(|reason| refused(reason))?;
        if path.is_root() {
            if entry.kind == Kind::Directory {
                continue;
            }
            return Err(refused("it takes the place of the target directory"));
        }
        let left = options.limits.expanded - extracted.bytes;
        let added = match &entry.kind {
            Kind::File if entry.size > left => Err(refused("the archive is larger than the limit")),
            Kind::File => tree.file(path, entry.mode, &mut walk).map(Some),
            Kind::Directory => tree.directory(path, entry.mode).map(|()| None),
            Kind::Special => Err(refused("it is a device or a pipe")),
            Kind::SymbolicLink(_) | Kind::HardLink(_) if options.links == Links::Refuse => Err(refused("it is a link")),
            Kind::SymbolicLink(target) if !stays_inside(path, target) => {
                Err(refused(&format!("it is a symbolic link that leads outside, to {target:?}")))
            }
            Kind::SymbolicLink(target) => tree.symbolic_link(path, target).map(|()| None),
            Kind::HardLink(target) => match EntryPath::parse(target.as_bytes()) {
                Ok(target) => tree.copy(path, &target, left).map(Some),
                Err(_) => Err(refused(&format!("it is a hard link that leads outside, to {target:?}"))),
            },
        }?;
        if let Some(bytes) = added {
            extracted.files += 1;
            extracted.bytes += bytes;
        }
    }
    Ok(extracted)
}

/// Whether a symbolic link can only lead to places inside the target.
///
/// `..` is allowed at the beginning alone, and no further up than the link lies deep. What follows goes down; where it
/// passes through another link, the same holds for that one. A `..` behind a name could step out of wherever a link by
/// that name leads, which no look at the text would show (CVE-2026-11940 is the fix of a fix of this).
fn stays_inside(path: &EntryPath, target: &str) -> bool {
    if target.starts_with('/') || target.contains(['\\', '\0']) {
        return false;
    }
    let depth = path.components().count() - 1;
    let mut components = target.split('/').filter(|component| !component.is_empty() && *component != ".").peekable();
    let mut up = 0;
    while components.next_if_eq(&"..").is_some() {
        up += 1;
    }
    up <= depth && components.all(|component| component != "..")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_judged_by_where_it_could_lead() {
        for (path, target, inside) in [
            ("l", "a", true),
            ("l", "./a/b", true),
            ("d/l", "../a", true),
            ("d/e/l", "../../a", true),
            ("l", "..", false),
            ("l", "../a", false),
            ("d/l", "../../a", false),
            ("d/l", "../a/..", false),
            ("d/l", "x/../../a", false),
            ("l", "/a", false),
            ("l", "a\\..", false),
        ] {
            assert_eq!(stays_inside(&EntryPath::parse(path.as_bytes()).unwrap(), target), inside, "{path} -> {target}");
        }
    }
}
