use std::fs::File;
use std::io::{self, BufRead as _, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parts::Parts;
use super::walk::Source;
use crate::{Error, Result};

/// The files that an archive lies in: one, or several parts one behind the other.
#[derive(Clone, Debug)]
pub(crate) struct Volumes {
    /// What errors and messages call the archive.
    path: PathBuf,
    files: Arc<[Volume]>,
    /// The parts, whose content is checked before it is read.
    parts: Option<Parts>,
}

#[derive(Debug)]
struct Volume {
    path: PathBuf,
    /// Where it begins in the whole.
    start: u64,
    size: u64,
}

impl Volumes {
    /// An archive in one file.
    pub(crate) fn one(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(Error::at(path))?;
        if !metadata.is_file() {
            return Err(Error::at(path)(io::Error::other("not a regular file")));
        }
        let volume = Volume { path: path.to_path_buf(), start: 0, size: metadata.len() };
        Ok(Self { path: path.to_path_buf(), files: Arc::new([volume]), parts: None })
    }

    /// An archive in parts.
    pub(crate) fn of(parts: &Parts) -> Self {
        let mut start = 0;
        let volume = |(path, size)| {
            let volume = Volume { path, start, size };
            start += size;
            volume
        };
        let files = parts.files().map(volume).collect();
        Self { path: parts.name().to_path_buf(), files, parts: Some(parts.clone()) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn parts(&self) -> Option<&Parts> {
        self.parts.as_ref()
    }

    fn size(&self) -> u64 {
        self.files.last().map_or(0, |last| last.start + last.size)
    }

    /// Reads from `offset` on.
    pub(crate) fn read(&self, offset: u64) -> Result<Reader> {
        let mut reader = Reader { volumes: self.clone(), position: offset, current: None };
        reader.open()?;
        Ok(reader)
    }

    /// The same after the parts with these bytes were compared with their digests, which happens once to each.
    pub(crate) fn read_checked(&self, offset: u64, size: u64) -> Result<Reader> {
        if let Some(parts) = &self.parts {
            parts.verify(offset, size)?;
        }
        self.read(offset)
    }
}

/// Reads the files of an archive as one.
pub(crate) struct Reader {
    volumes: Volumes,
    position: u64,
    /// The file at the position, and how many bytes of it are left.
    current: Option<(File, u64)>,
}

impl Reader {
    fn open(&mut self) -> Result<()> {
        let holds = |volume: &&Volume| volume.start <= self.position && self.position - volume.start < volume.size;
        let Some(volume) = self.volumes.files.iter().find(holds) else {
            self.current = None;
            return Ok(());
        };
        let mut file = File::open(&volume.path).map_err(Error::at(&volume.path))?;
        let inside = self.position - volume.start;
        file.seek(SeekFrom::Start(inside)).map_err(Error::at(&volume.path))?;
        self.current = Some((file, volume.size - inside));
        Ok(())
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.as_ref().is_none_or(|(_, left)| *left == 0) {
            self.open().map_err(io::Error::other)?;
        }
        let Some((file, left)) = &mut self.current else { return Ok(0) };
        let wanted = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
        let count = file.read(&mut buffer[..wanted])?;
        if count == 0 && wanted > 0 {
            // The file has become shorter since it was looked at.
            *left = 0;
            return Ok(0);
        }
        *left -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

/// A [`Reader`] that passes over bytes by seeking.
pub(crate) struct Seeking(io::BufReader<Reader>);

impl Seeking {
    pub(crate) fn new(reader: Reader) -> Self {
        Self(io::BufReader::with_capacity(16 * 1024, reader))
    }
}

impl Read for Seeking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Source for Seeking {
    fn pass_over(&mut self, count: u64) -> io::Result<()> {
        let buffered = self.0.buffer().len() as u64;
        if count <= buffered {
            self.0.consume(count as usize);
            return Ok(());
        }
        let size = self.0.get_ref().volumes.size();
        let to = self.0.get_ref().position.saturating_add(count - buffered);
        if to > size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.0.consume(buffered as usize);
        let reader = self.0.get_mut();
        let inside = to - reader.position;
        reader.position = to;
        match &mut reader.current {
            Some((file, left)) if inside < *left => {
                *left -= inside;
                file.seek_relative(i64::try_from(inside).map_err(io::Error::other)?)
            }
            _ => reader.open().map_err(io::Error::other),
        }
    }
}
