//! An archive in parts on its way into files.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::archive::{List, MOST_PARTS, Parts, Row, digest_of_start};
use crate::staged_pipeline::blocking;
use crate::{Algorithm, ByteStream, CHUNK, Digester, Durability, Error, Existing, Result, Staged, sync_filesystem};

/// How an archive is cut into parts.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Most bytes of a part.
    pub part_size: u64,
    /// Most bytes that `stream` can have.
    pub at_most: u64,
    /// Whether it is compressed with gzip.
    pub compressed: bool,
}

/// What becomes an archive in parts.
pub struct Parted<'a> {
    /// The archive, or what stands in it before the files behind.
    pub stream: ByteStream,
    /// What the archive begins with, as far as whoever opens it reads to get to know it.
    pub start: &'a [u8],
    /// Files that are parts already: they only get their names.
    pub behind: Vec<PathBuf>,
}

impl Cut {
    /// Fails if parts of so many bytes are too small for any archive, which is known before there is one.
    ///
    /// # Errors
    /// [`Error::PartSize`].
    pub fn check(part_size: u64, compressed: bool) -> Result<()> {
        match (Self { part_size, at_most: 1, compressed }).fit(0)? {
            Ok(_) => Ok(()),
            Err(TooSmall { why, .. }) => {
                // How long the list will be is not known yet: this much takes every list.
                let least = List::head(None, List::room(MOST_PARTS), compressed)?.len() as u64;
                Err(too_small(part_size, &why, least))
            }
        }
    }

    /// The room for the list, and how many bytes it takes in the archive.
    fn room(&self, behind: u64) -> Result<(usize, u64)> {
        match self.fit(behind)? {
            Ok(room) => Ok(room),
            Err(TooSmall { why, least }) => Err(too_small(self.part_size, &why, self.least(behind, least)?)),
        }
    }

    /// Bytes that do: parts that are larger by what one list lacks may be so many that their list lacks more.
    fn least(&self, behind: u64, mut least: u64) -> Result<u64> {
        loop {
            let larger = Self { part_size: least, ..*self };
            let behind = behind.saturating_mul(self.part_size).div_ceil(least.max(1));
            match larger.fit(behind)? {
                Ok(_) => return Ok(least),
                Err(TooSmall { least: more, .. }) => least = more.max(least + least / 256 + 1),
            }
        }
    }

    fn fit(&self, behind: u64) -> Result<std::result::Result<(usize, u64), TooSmall>> {
        let mut parts = self.at_most.div_ceil(self.part_size.max(1)).max(1) + behind;
        loop {
            let room = List::room(parts);
            let head = List::head(None, room, self.compressed)?.len() as u64;
            let with_head = self.at_most.saturating_add(head).div_ceil(self.part_size.max(1)) + behind;
            if with_head > MOST_PARTS && !self.compressed {
                let all = self.at_most.saturating_add(behind.saturating_mul(self.part_size)).saturating_add(1 << 20);
                let least = all.div_ceil(MOST_PARTS);
                let why = format!("would be {with_head}, and at most {MOST_PARTS} are possible");
                return Ok(Err(TooSmall { why, least }));
            }
            if head > self.part_size {
                let why = format!("are too small for the list of {parts} parts");
                return Ok(Err(TooSmall { why, least: head }));
            }
            if with_head.min(MOST_PARTS) <= parts.min(MOST_PARTS) {
                return Ok(Ok((room, head)));
            }
            parts = with_head;
        }
    }
}

/// Why parts of some size do not do, and what size may.
struct TooSmall {
    why: String,
    least: u64,
}

fn too_small(part_size: u64, why: &str, least: u64) -> Error {
    Error::PartSize(format!("parts of {part_size} bytes {why}: choose at least {least} bytes"))
}

/// Writes the files `NAME.001`, `NAME.002`, … into `folder`, where nobody looks yet, and flushes them. Returns how many files
/// there are.
///
/// # Errors
/// More parts than 999, and parts too small for the list of them.
pub async fn write_parts(archive: Parted<'_>, cut: Cut, folder: &Path, name: &str) -> Result<u64> {
    let Parted { mut stream, start, behind } = archive;
    let (room, head) = cut.room(behind.len() as u64)?;
    let blank = List::head(None, room, cut.compressed)?;
    let path = |number: u64| Parts::part(&folder.join(name), number);
    let mut rows: Vec<Row> = Vec::new();
    let mut part = Staged::new(folder);
    part.write(Bytes::from(blank.clone())).await?;
    while let Some(mut chunk) = stream.next().await.transpose()? {
        while !chunk.is_empty() {
            if part.size() == cut.part_size {
                rows.push(end(part, path(rows.len() as u64 + 1)).await?);
                if (rows.len() + behind.len()) as u64 >= MOST_PARTS {
                    let reason = format!("there would be more than {MOST_PARTS} parts: choose larger ones");
                    return Err(Error::PartSize(reason));
                }
                part = Staged::new(folder);
            }
            let room = usize::try_from(cut.part_size - part.size()).unwrap_or(usize::MAX);
            part.write(chunk.split_to(room.min(chunk.len()))).await?;
        }
    }
    rows.push(end(part, path(rows.len() as u64 + 1)).await?);
    let mut measured = futures_util::stream::iter(behind.into_iter().map(measure)).buffered(HASHED_AT_ONCE);
    while let Some((file, row)) = measured.next().await.transpose()? {
        rows.push(row);
        std::fs::rename(&file, path(rows.len() as u64)).map_err(Error::at(&file))?;
    }
    let count = rows.len() as u64;
    let list = List::new(cut.part_size, digest_of_start(&blank, start), rows)?;
    let filled = List::head(Some(&list), room, cut.compressed)?;
    debug_assert_eq!(filled.len() as u64, head);
    let (first, folder): (PathBuf, PathBuf) = (path(1), folder.to_path_buf());
    blocking(move || {
        let file = File::options().write(true).open(&first).map_err(Error::at(&first))?;
        file.write_all_at(&filled, 0).map_err(Error::at(&first))?;
        sync_filesystem(&folder)
    })
    .await?;
    Ok(count)
}

/// Parts that were written before are hashed beside each other, as many as this.
const HASHED_AT_ONCE: usize = 4;

async fn measure(path: PathBuf) -> Result<(PathBuf, Row)> {
    blocking(move || {
        let mut file = File::open(&path).map_err(Error::at(&path))?;
        let (mut digester, mut size, mut buffer) = (Digester::new(Algorithm::Sha256), 0, vec![0; CHUNK]);
        loop {
            let count = std::io::Read::read(&mut file, &mut buffer).map_err(Error::at(&path))?;
            if count == 0 {
                return Ok((path, Row { digest: digester.finish(), size }));
            }
            digester.update(&buffer[..count]);
            size += count as u64;
        }
    })
    .await
}

async fn end(part: Staged, path: PathBuf) -> Result<Row> {
    let finished = part.finish().await?;
    let row = Row { digest: finished.digest().clone(), size: finished.size() };
    finished.persist(path, 0o644, Existing::Refuse, Durability::Deferred).await?;
    Ok(row)
}
