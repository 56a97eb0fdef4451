//! Content that lies in a file, where it has to be read.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
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

/// Exactly so many bytes of a file. Its position is shared by all who hold it, so only one of them may read.
pub(crate) fn read_at(mut file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut content = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut content)?;
    Ok(content.into())
}
