//! A gzip stream as an archive: only readable forwards, so the place reached is kept.

use std::io::{self, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

use flate2::bufread::MultiGzDecoder;

use super::volumes::{Reader, Volumes};
use super::walk::Source;
use crate::{CHUNK, Error, Limits, Result};

/// Decompressors that are kept for the next entry. One for each reader of the archive that is likely to be at work.
const KEPT: usize = 4;

/// Counts what a reader gives.
struct Counted<R> {
    source: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}

/// Decompressed content under limits.
pub(crate) struct Decompressed<R> {
    decoder: MultiGzDecoder<BufReader<Counted<R>>>,
    expanded: u64,
    limits: Limits,
}

impl<R: Read> Decompressed<R> {
    pub(crate) fn new(source: R, limits: Limits) -> Self {
        let counted = BufReader::with_capacity(CHUNK / 4, Counted { source, count: 0 });
        Self { decoder: MultiGzDecoder::new(counted), expanded: 0, limits }
    }
}

impl<R: Read> Read for Decompressed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.decoder.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other(Error::Archive("the gzip stream is truncated".into())),
            // What the decoder says about its input; an error of the source itself passes.
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
                if error.get_ref().is_none_or(|inner| !inner.is::<Error>()) =>
            {
                io::Error::other(Error::Archive(format!("the gzip stream is damaged: {error}")))
            }
            _ => error,
        })?;
        self.expanded += count as u64;
        let compressed = self.decoder.get_ref().get_ref().count;
        self.limits
            .check(compressed, self.expanded)
            .map_err(|reason| io::Error::other(Error::Archive(format!("the gzip stream {reason}"))))?;
        Ok(count)
    }
}

impl<R: Read> Source for Decompressed<R> {}

pub(crate) fn decompress(volumes: &Volumes, limits: Limits) -> Result<Decompressed<Reader>> {
    Ok(Decompressed::new(volumes.read(0)?, limits))
}

/// Decompressors that stand somewhere in the archive, waiting for the next entry behind them to be read.
#[derive(Clone, Default)]
pub(crate) struct Cursors(Arc<Mutex<Vec<Decompressed<Reader>>>>);

impl Cursors {
    /// The decompressor nearest before `offset`, or a new one from the start; it comes back when the reader is dropped.
    pub(crate) fn read(&self, volumes: &Volumes, limits: Limits, offset: u64, size: u64) -> Result<impl Read + use<>> {
        let nearest = {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let candidates = waiting.iter().enumerate().filter(|(_, cursor)| cursor.expanded <= offset);
            let nearest = candidates.max_by_key(|(_, cursor)| cursor.expanded).map(|(at, _)| at);
            nearest.map(|at| waiting.swap_remove(at))
        };
        let mut cursor = match nearest {
            Some(cursor) => cursor,
            None => decompress(volumes, limits)?,
        };
        cursor.pass_over(offset - cursor.expanded).map_err(Error::from_read)?;
        Ok(Lease { cursor: Some(cursor), left: size, home: self.clone(), failed: false })
    }

    fn put_back(&self, cursor: Decompressed<Reader>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(cursor);
        if waiting.len() > KEPT {
            waiting.remove(0);
        }
    }
}

/// A decompressor on loan.
struct Lease {
    cursor: Option<Decompressed<Reader>>,
    left: u64,
    home: Cursors,
    failed: bool,
}

impl Read for Lease {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(cursor) = self.cursor.as_mut().filter(|_| wanted > 0) else { return Ok(0) };
        match cursor.read(&mut buffer[..wanted]) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                self.failed = true;
                Err(error)
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(cursor) = self.cursor.take().filter(|_| !self.failed) {
            self.home.put_back(cursor);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Write as _;

    #[test]
    fn reading_forwards_keeps_one_decompressor() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("content.gz");
        let mut encoder = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        encoder.write_all(&[vec![b'a'; 1000], vec![b'b'; 1000], vec![b'c'; 1000]].concat()).unwrap();
        encoder.finish().unwrap();
        let cursors = Cursors::default();
        let volumes = Volumes::one(&path).unwrap();
        let read = |offset, size| {
            let mut text = String::new();
            cursors.read(&volumes, Limits::default(), offset, size).unwrap().read_to_string(&mut text).unwrap();
            (text.len(), text.chars().next().unwrap())
        };
        let standing = || cursors.0.lock().unwrap().iter().map(|cursor| cursor.expanded).collect::<Vec<_>>();
        assert_eq!(read(10, 500), (500, 'a'));
        assert_eq!(read(1000, 1000), (1000, 'b'));
        assert_eq!(read(2000, 10), (10, 'c'));
        assert_eq!(standing(), [2010]);
        assert_eq!(read(0, 10), (10, 'a'));
        assert_eq!(standing(), [2010, 10]);
    }
}
