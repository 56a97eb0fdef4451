//! Content that lies in a file, where it has to be read.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::request::{BodyStream, BoxError};

/// The content that `passing` stands for.
pub(crate) fn read(file: Arc<File>, offset: u64, passing: BodyStream) -> BodyStream {
    let read = move |(mut passing, file, offset): (BodyStream, Arc<File>, u64)| async move {
        let Some(chunk) = passing.next().await.transpose()? else { return Ok(None) };
        let (source, length) = (file.clone(), chunk.len());
        let reading = tokio::task::spawn_blocking(move || read_at(&source, offset, length));
        let content = reading.await.map_err(io::Error::other)??;
        Ok::<_, BoxError>(Some((content, (passing, file, offset + length as u64))))
    };
    Box::pin(stream::try_unfold((passing, file, offset), read))
}

/// Exactly so many bytes of a file. An attempt that was given up may still be reading on its thread when the next one begins, so
/// that none must rely on the position, which all share.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut content = vec![0; length];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut content, offset)?;
    Ok(content.into())
}

/// The same where reading moves the position: only one of all who hold the file may read.
#[cfg(not(unix))]
pub(crate) fn read_at(mut file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    use std::io::{Read as _, Seek as _};

    let mut content = vec![0; length];
    file.seek(io::SeekFrom::Start(offset))?;
    file.read_exact(&mut content)?;
    Ok(content.into())
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};

    use super::*;

    #[test]
    fn who_reads_a_part_disturbs_nobody() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        file.rewind().unwrap();
        assert_eq!(read_at(&file, 4, 3).unwrap(), "456");
        let mut all = String::new();
        file.read_to_string(&mut all).unwrap();
        assert_eq!(all, "0123456789");
        assert_eq!(read_at(&file, 8, 3).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
