use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::form::refuse_other_forms;
use super::path::EntryPath;
use super::sequential::{Cursors, decompress};
use super::walk::{Kind, Source, Walk};
use crate::{Blob, ByteStream, Digest, Error, FileBlob, Limits, Result, once, read_in_background, verified};

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
    path: PathBuf,
    limits: Limits,
    entries: Vec<Entry>,
    positions: HashMap<EntryPath, usize>,
    refused: Vec<Refused>,
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
        index(path, limits).map_err(|error| error.in_file(path))
    }

    /// The archive file.
    pub fn path(&self) -> &Path {
        &self.shared.path
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
    /// The how-manieth entry it is; reading in this order is the cheapest.
    pub fn position(&self) -> usize {
        self.entry.position
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
        let Shared { path, limits, compressed, .. } = &*self.archive.shared;
        let entry = &self.entry;
        let from = offset.min(entry.size);
        let size = entry.size - from;
        let stream = match compressed {
            None => FileBlob::part(path, entry.offset + from, size).open().await?,
            Some(Compressed { small, .. }) if small.contains_key(&entry.position) => {
                once(small[&entry.position].slice(from as usize..))
            }
            Some(Compressed { cursors, .. }) => {
                let (cursors, path, limits, start) = (cursors.clone(), path.clone(), *limits, entry.offset + from);
                read_in_background(move || {
                    cursors.read(&path, limits, start, size).map_err(|error| error.in_file(&path))
                })
            }
        };
        // The archive may have been cut or replaced since its index was made.
        Ok(verified(stream, Some(size), None))
    }
}

/// A file that passes over bytes by seeking.
struct Seeking {
    file: BufReader<File>,
    left: u64,
}

impl Read for Seeking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl Source for Seeking {
    fn pass_over(&mut self, count: u64) -> io::Result<()> {
        if count > self.left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count;
        self.file.seek_relative(i64::try_from(count).map_err(io::Error::other)?)
    }
}

fn index(path: &Path, limits: Limits) -> Result<Archive> {
    let mut file = File::open(path).map_err(Error::at(path))?;
    let metadata = file.metadata().map_err(Error::at(path))?;
    if !metadata.is_file() {
        return Err(Error::at(path)(io::Error::other("not a regular file")));
    }
    let mut magic = Vec::with_capacity(6);
    Read::by_ref(&mut file).take(6).read_to_end(&mut magic).map_err(Error::at(path))?;
    let mut shared = Shared {
        path: path.to_path_buf(),
        limits,
        entries: Vec::new(),
        positions: HashMap::new(),
        refused: Vec::new(),
        compressed: None,
    };
    if crate::is_gzip(&magic) {
        let mut walk = Walk::new(decompress(path, limits)?);
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
        let file = File::open(path).map_err(Error::at(path))?;
        let source = Seeking { file: BufReader::with_capacity(16 * 1024, file), left: metadata.len() };
        shared.fill(&mut Walk::new(source), |_, _| Ok(()))?;
    }
    Ok(Archive { shared: Arc::new(shared) })
}

impl Shared {
    fn fill<S: Source>(
        &mut self,
        walk: &mut Walk<S>,
        mut keep: impl FnMut(&mut Walk<S>, &Entry) -> Result<()>,
    ) -> Result<()> {
        let mut count = 0;
        while let Some(walked) = walk.next()? {
            count += 1;
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
        Ok(())
    }
}
