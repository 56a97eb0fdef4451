use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use futures_util::stream;

use crate::file::CHUNK;
use crate::{ByteStream, Error, Result};

/// What stands for content that is not read.
static NOTHING: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![0; CHUNK]));

/// Content that lies in an open file as it is, for whoever can have the system move it without reading it.
pub struct OpenFile {
    /// The file.
    pub file: Arc<File>,
    /// Where the content begins in it, in bytes.
    pub offset: u64,
    /// As many bytes as the content has, in its place: they mean nothing, only their number counts. Who moves the content
    /// takes so many bytes from the file as come here, when they come here, and none if an error comes instead. So
    /// everything that counts, slows or limits content does it here too.
    pub passing: ByteStream,
}

impl OpenFile {
    /// The `size` bytes from `offset` on; `None` if it is not a regular file. Their stream fails when the file has become
    /// too short for them. `path` is what errors call it.
    pub(crate) fn new(file: File, path: PathBuf, offset: u64, size: u64) -> Result<Option<Self>> {
        if !file.metadata().map_err(Error::at(&path))?.is_file() {
            return Ok(None);
        }
        // Whoever moves it may wait for the disk where others wait for him: let it read far ahead.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&file, offset, size.try_into().ok(), rustix::fs::Advice::Sequential);
        let file = Arc::new(file);
        let watched = file.clone();
        let passing = stream::try_unfold(0, move |passed| {
            let step = || {
                let chunk = NOTHING.slice(..usize::try_from(size - passed).map_or(CHUNK, |left| left.min(CHUNK)));
                if chunk.is_empty() {
                    return Ok(None);
                }
                let next = passed + chunk.len() as u64;
                let there = watched.metadata().map_err(Error::at(&path))?.len().saturating_sub(offset);
                if there < next {
                    let reason = format!("ends {} bytes before the content does", size - there);
                    return Err(Error::at(&path)(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, reason)));
                }
                Ok(Some((chunk, next)))
            };
            std::future::ready(step())
        });
        Ok(Some(Self { file, offset, passing: Box::pin(passing) }))
    }

    /// Opens on a thread that may wait for the disk.
    pub(crate) async fn open(open: impl FnOnce() -> Result<Option<Self>> + Send + 'static) -> Result<Option<Self>> {
        tokio::task::spawn_blocking(open).await.map_err(std::io::Error::other)?
    }

    /// The same content under somebody's eyes.
    #[must_use]
    pub fn watched(self, watch: impl FnOnce(ByteStream) -> ByteStream) -> Self {
        Self { passing: watch(self.passing), ..self }
    }
}
