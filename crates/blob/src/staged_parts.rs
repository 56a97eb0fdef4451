//! An archive in parts on its way into files.

use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::StreamExt as _;

use crate::archive::{List, MOST_PARTS, Parts, Row, digest_of_start};
use crate::staged_pipeline::blocking;
use crate::{ByteStream, Durability, Error, Existing, Result, Staged, sync_filesystem};

/// How an archive is cut into parts.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Bytes of every part but the last.
    pub part_size: u64,
    /// Most bytes that the archive can have, without what makes it one in parts.
    pub at_most: u64,
    /// Whether it is compressed with gzip.
    pub compressed: bool,
}

impl Cut {
    /// The room for the list, and how many bytes it takes in the archive.
    fn room(&self) -> Result<(usize, u64)> {
        let mut parts = self.at_most.div_ceil(self.part_size.max(1)).max(1);
        loop {
            let room = List::room(parts);
            let head = List::head(None, room, self.compressed)?.len() as u64;
            let with_head = self.at_most.saturating_add(head).div_ceil(self.part_size.max(1));
            if with_head > MOST_PARTS && !self.compressed {
                let least = self.at_most.saturating_add(1 << 20).div_ceil(MOST_PARTS);
                return Err(Error::Archive(format!(
                    "parts of {} bytes would be {with_head}, and at most {MOST_PARTS} are possible: choose at least {least} bytes",
                    self.part_size
                )));
            }
            if head > self.part_size {
                return Err(Error::Archive(format!(
                    "parts of {} bytes are too small for the list of {parts} parts: choose at least {head} bytes",
                    self.part_size
                )));
            }
            if with_head.min(MOST_PARTS) <= parts.min(MOST_PARTS) {
                return Ok((room, head));
            }
            parts = with_head;
        }
    }
}

/// Writes the files `NAME.001`, `NAME.002`, … into `folder`, where nobody looks yet, and flushes them. `start` is what the
/// archive begins with, as far as whoever opens it reads to get to know it. Returns how many files there are.
///
/// # Errors
/// More parts than 999, and parts too small for the list of them.
pub async fn write_parts(mut stream: ByteStream, start: &[u8], cut: Cut, folder: &Path, name: &str) -> Result<u64> {
    let (room, head) = cut.room()?;
    let blank = List::head(None, room, cut.compressed)?;
    let path = |number: u64| Parts::part(&folder.join(name), number);
    let mut rows: Vec<Row> = Vec::new();
    let mut part = Staged::new(folder);
    part.write(Bytes::from(blank.clone())).await?;
    while let Some(mut chunk) = stream.next().await.transpose()? {
        while !chunk.is_empty() {
            if part.size() == cut.part_size {
                rows.push(end(part, path(rows.len() as u64 + 1)).await?);
                if rows.len() as u64 == MOST_PARTS {
                    let reason = format!("there would be more than {MOST_PARTS} parts: choose larger ones");
                    return Err(Error::Archive(reason));
                }
                part = Staged::new(folder);
            }
            let room = usize::try_from(cut.part_size - part.size()).unwrap_or(usize::MAX);
            part.write(chunk.split_to(room.min(chunk.len()))).await?;
        }
    }
    rows.push(end(part, path(rows.len() as u64 + 1)).await?);
    let count = rows.len() as u64;
    let list = List::new(cut.part_size, digest_of_start(&blank, start), rows)?;
    let filled = List::head(Some(&list), room, cut.compressed)?;
    debug_assert_eq!(filled.len() as u64, head);
    let (first, folder): (PathBuf, PathBuf) = (path(1), folder.to_path_buf());
    blocking(move || {
        let file = std::fs::File::options().write(true).open(&first).map_err(Error::at(&first))?;
        file.write_all_at(&filled, 0).map_err(Error::at(&first))?;
        sync_filesystem(&folder)
    })
    .await?;
    Ok(count)
}

async fn end(part: Staged, path: PathBuf) -> Result<Row> {
    let finished = part.finish().await?;
    let row = Row { digest: finished.digest().clone(), size: finished.size() };
    finished.persist(path, 0o644, Existing::Refuse, Durability::Deferred).await?;
    Ok(row)
}
