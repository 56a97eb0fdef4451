//! Content that lies in a file: the system moves it into the connection, and it never passes through this process.
//!
//! That works where nothing changes the bytes on their way: over plain HTTP, straight to the host. Everywhere else the file
//! is read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::request::{BodyStream, BoxError};

/// What stands for content of a file until it reaches the connection. It is known by its address and never sent.
static STAND_IN: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; 256 * 1024]));

/// Whether a buffer stands for content of a file.
#[cfg(target_os = "linux")]
pub(crate) fn stands_for_content(buffer: &[u8]) -> bool {
    STAND_IN.as_ptr_range().contains(&buffer.as_ptr())
}

/// As many stand-ins as there are bytes.
#[cfg(target_os = "linux")]
pub(crate) fn stand_ins(passing: BodyStream) -> BodyStream {
    Box::pin(passing.flat_map(|chunk| {
        let mut left = match &chunk {
            Ok(chunk) => chunk.len(),
            Err(_) => 0,
        };
        let pieces = std::iter::from_fn(move || {
            let piece = STAND_IN.slice(..left.min(STAND_IN.len()));
            left -= piece.len();
            (!piece.is_empty()).then_some(Ok(piece))
        });
        stream::iter(pieces.chain(chunk.err().map(Err)))
    }))
}

/// The bytes themselves.
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

/// Exactly so many bytes of a file. Its position is shared by all who hold it, so only one of them may read.
pub(crate) fn read_at(mut file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut content = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut content)?;
    Ok(content.into())
}
