use std::collections::HashMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::form::refuse_other_forms;
use super::parts::Parts;
use super::path::EntryPath;
use super::sequential::{Cursors, decompress};
use super::volumes::{Seeking, Volumes};
use super::walk::{Kind, Source, Walk};
use crate::file::read_part_in_background;
use crate::{
    Blob, ByteStream, Digest, Digester, Error, FileBlob, Limits, OpenFile, Result, once, read_in_background, verified,
};

/// Entries of a compressed archive that are kept in memory when its index is made: manifests, indexes, configurations.
const SMALL: u64 = 1 << 20;

/// Most bytes of small entries that are kept in memory.
const SMALL_TOTAL: u64 = 32 << 20;

/// A tar archive, plain or compressed with gzip, as an index of its entries. Nothing is unpacked.
///
/// A plain archive is read where it lies, in any order and by any number of readers. A compressed one can only be read
/// forwards: entries opened in the order of their [`Entry::position`] cost one pass in total, an entry before the last
/// one starts another pass. Small entries are kept in memory and cost nothing.
///
/// # Errors
/// Opening fails if anything in the archive is malformed, if two entries have the same path, if it ends in the middle of
/// an entry, or if it exceeds its [`Limits`]. Entries whose path leads out of the archive are in [`Archive::refused`].
#[derive(Clone)]
pub struct Archive {
    shared: Arc<Shared>,
}

struct Shared {
    volumes: Volumes,
    limits: Limits,
    entries: Vec<Entry>,
    positions: HashMap<EntryPath, usize>,
    refused: Vec<Refused>,
    is_ended: bool,
    compressed: Option<Compressed>,
}

struct Compressed {
    cursors: Cursors,
    small: HashMap<usize, Bytes>,
}

/// One entry of an archive.
#[derive(Clone, Debug)]
pub struct Entry {
    path: EntryPath,
    kind: Kind,
    size: u64,
    mode: u32,
    offset: u64,
    position: usize,
}

impl Entry {
    /// Where it lies in the archive.
    pub fn path(&self) -> &EntryPath {
        &self.path
    }

    /// What it is.
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Bytes of content; zero for anything but a file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Permission bits as in the archive, with the bits for set-user-ID and the like.
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// Where its content begins, in bytes from the start of the (decompressed) archive.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The how-manieth entry it is; reading in this order is the cheapest.
    pub fn position(&self) -> usize {
        self.position
    }
}

/// An entry whose name must not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The name as in the archive.
    pub name: String,
    /// Why it is refused.
    pub reason: &'static str,
}

impl Archive {
    /// Makes the index of an archive with the usual [`Limits`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open_with(path, Limits::default()).await
    }

    /// Makes the index of an archive.
    pub async fn open_with(path: impl Into<PathBuf>, limits: Limits) -> Result<Self> {
        let path = path.into();
        let opened = tokio::task::spawn_blocking(move || Self::index(&path, limits)).await;
        opened.map_err(io::Error::other)?
    }

    /// Makes the index of an archive on this thread.
    pub fn index(path: &Path, limits: Limits) -> Result<Self> {
        Volumes::one(path).and_then(|volumes| index(&volumes, limits)).map_err(|error| error.in_file(path))
    }

    /// Makes the index of an archive in parts. A part is compared with its digest before content is taken from it, a
    /// compressed archive as a whole before it is opened.
    pub async fn open_parts(parts: &Parts, limits: Limits) -> Result<Self> {
        let parts = parts.clone();
        let opened = tokio::task::spawn_blocking(move || {
            if parts.is_compressed() {
                parts.verify_all()?;
            }
            index(&Volumes::of(&parts), limits).or_else(|error| {
                // Which part it is helps more than what is wrong in it.
                parts.verify_all()?;
                Err(error.in_file(parts.name()))
            })
        });
        opened.await.map_err(io::Error::other)?
    }

    /// The archive file.
    pub fn path(&self) -> &Path {
        self.shared.volumes.path()
    }

    /// Whether the archive can only be read forwards; then one reader at a time is the fastest.
    pub fn is_sequential(&self) -> bool {
        self.shared.compressed.is_some()
    }

    /// All entries in the order of the archive.
    pub fn entries(&self) -> &[Entry] {
        &self.shared.entries
    }

    /// Entries whose path leads out of the archive or is not a path. They cannot be opened.
    pub fn refused(&self) -> &[Refused] {
        &self.shared.refused
    }

    /// Whether it ends with the mark of its end. Some programs leave that out; one that was cut between two entries
    /// does not have it either.
    pub fn is_ended(&self) -> bool {
        self.shared.is_ended
    }

    /// Fails if there are refused entries: such an archive was made to do harm.
    pub fn refuse_foreign_paths(&self) -> Result<()> {
        match self.shared.refused.first() {
            None => Ok(()),
            Some(Refused { name, reason }) => Err(Error::Archive(format!(
                "{}: the archive contains the entry {name:?}, which is refused: {reason}",
                self.path().display()
            ))),
        }
    }

    /// An entry by its path, written without a leading `./`.
    pub fn entry(&self, path: &str) -> Option<&Entry> {
        let path = EntryPath::parse(path.as_bytes()).ok()?;
        self.shared.positions.get(&path).map(|at| &self.shared.entries[*at])
    }

    /// The content of a file; `None` if there is no such entry, an error if it is not a regular file.
    pub fn blob(&self, path: &str) -> Result<Option<ArchiveBlob>> {
        let Some(entry) = self.entry(path) else { return Ok(None) };
        if entry.kind != Kind::File {
            return Err(Error::Archive(format!("{}: the entry {path:?} is not a regular file", self.path().display())));
        }
        Ok(Some(ArchiveBlob { archive: self.clone(), entry: entry.clone() }))
    }
}

/// A file inside an archive.
#[derive(Clone)]
pub struct ArchiveBlob {
    archive: Archive,
    entry: Entry,
}

impl ArchiveBlob {
    /// Small content with this digest. Of an archive in parts, the part it lies in is not checked for that: a part is
    /// large, and the digest tells. `None` if the content is larger than `limit`.
    pub async fn read_as(&self, digest: &Digest, limit: u64) -> Result<Option<Bytes>> {
        let size = self.entry.size;
        let (volumes, Some(parts)) = (&self.archive.shared.volumes, self.archive.shared.volumes.parts()) else {
            return Ok(None);
        };
        if size > limit || parts.is_compressed() {
            return Ok(None);
        }
        let (volumes, parts, offset) = (volumes.clone(), parts.clone(), self.entry.offset);
        let expected = digest.clone();
        let work = move || {
            let mut content = Vec::with_capacity(size as usize);
            volumes.read(offset)?.take(size).read_to_end(&mut content).map_err(Error::from_read)?;
            let mut digester = Digester::new(expected.algorithm());
            digester.update(&content);
            let actual = digester.finish();
            if actual == expected {
                return Ok(Some(content.into()));
            }
            parts.verify(offset, size)?;
            Err(Error::DigestMismatch { expected: Box::new(expected), actual: Box::new(actual) })
        };
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }

    /// The how-manieth entry it is; reading in this order is the cheapest.
    pub fn position(&self) -> usize {
        self.entry.position
    }

    /// The archive file.
    pub fn path(&self) -> &Path {
        self.archive.path()
    }

    /// Where the content begins in the archive file; `None` if it does not lie there as it is, in one piece.
    pub fn offset(&self) -> Option<u64> {
        let Shared { volumes, compressed, .. } = &*self.archive.shared;
        (compressed.is_none() && volumes.parts().is_none()).then_some(self.entry.offset)
    }
}

#[async_trait]
impl Blob for ArchiveBlob {
    fn size(&self) -> Option<u64> {
        Some(self.entry.size)
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_at(&self, offset: u64) -> Result<ByteStream> {
        let Shared { volumes, limits, compressed, .. } = &*self.archive.shared;
        let entry = &self.entry;
        let from = offset.min(entry.size);
        let size = entry.size - from;
        let stream = match compressed {
            None => {
                let (volumes, start) = (volumes.clone(), entry.offset + from);
                read_part_in_background(size, move || volumes.read_checked(start, size))
            }
            Some(Compressed { small, .. }) if small.contains_key(&entry.position) => {
                once(small[&entry.position].slice(from as usize..))
            }
            Some(Compressed { cursors, .. }) => {
                let (cursors, volumes, limits, start) =
                    (cursors.clone(), volumes.clone(), *limits, entry.offset + from);
                read_in_background(move || {
                    let path = volumes.path();
                    cursors.read(&volumes, limits, start, size).map_err(|error| error.in_file(path))
                })
            }
        };
        // The archive may have been cut or replaced since its index was made.
        Ok(verified(stream, Some(size), None))
    }

    async fn open_file(&self, offset: u64) -> Result<Option<OpenFile>> {
        match self.offset() {
            Some(start) => FileBlob::part(self.path(), start, self.entry.size).open_file(offset).await,
            None => Ok(None),
        }
    }
}

fn index(volumes: &Volumes, limits: Limits) -> Result<Archive> {
    let mut magic = Vec::with_capacity(6);
    volumes.read(0)?.take(6).read_to_end(&mut magic).map_err(Error::at(volumes.path()))?;
    let mut shared = Shared {
        volumes: volumes.clone(),
        limits,
        entries: Vec::new(),
        positions: HashMap::new(),
        refused: Vec::new(),
        is_ended: false,
        compressed: None,
    };
    if crate::is_gzip(&magic) {
        let mut walk = Walk::new(decompress(volumes, limits)?);
        let mut small = HashMap::new();
        let mut kept = 0;
        shared.fill(&mut walk, |walk, entry| {
            if entry.kind == Kind::File && entry.size <= SMALL && kept + entry.size <= SMALL_TOTAL {
                let mut content = vec![0; entry.size as usize];
                walk.read_exact(&mut content).map_err(Error::from_read)?;
                kept += entry.size;
                small.insert(entry.position, Bytes::from(content));
            }
            Ok(())
        })?;
        shared.compressed = Some(Compressed { cursors: Cursors::default(), small });
    } else {
        refuse_other_forms(&magic)?;
        shared.fill(&mut Walk::new(Seeking::new(volumes.read(0)?)), |_, _| Ok(()))?;
    }
    Ok(Archive { shared: Arc::new(shared) })
}

impl Shared {
    fn fill<S: Source>(
        &mut self,
        walk: &mut Walk<S>,
        mut keep: impl FnMut(&mut Walk<S>, &Entry) -> Result<()>,
    ) -> Result<()> {
        let (mut count, mut names) = (0, 0);
        while let Some(walked) = walk.next()? {
            count += 1;
            names += walked.name.len() + walked.kind.target().map_or(0, str::len);
            if names > self.limits.names {
                let limit = self.limits.names;
                return Err(Error::Archive(format!("the archive has more than {limit} bytes of names")));
            }
            if count > self.limits.entries {
                return Err(Error::Archive(format!("the archive has more than {} entries", self.limits.entries)));
            }
            let path = match walked.path {
                Ok(path) => path,
                Err(reason) => {
                    self.refused.push(Refused { name: walked.name, reason });
                    continue;
                }
            };
            let entry = Entry {
                path,
                kind: walked.kind,
                size: walked.size,
                mode: walked.mode,
                offset: walked.offset,
                position: self.entries.len(),
            };
            if let Some(earlier) = self.positions.insert(entry.path.clone(), entry.position) {
                // Which of the two counts is where readers disagree. Directories are the same however often they come.
                if entry.kind != Kind::Directory || self.entries[earlier].kind != Kind::Directory {
                    return Err(Error::Archive(format!("the archive contains the entry {:?} twice", walked.name)));
                }
            }
            keep(walk, &entry)?;
            self.entries.push(entry);
        }
        self.is_ended = walk.is_ended();
        Ok(())
    }
}
