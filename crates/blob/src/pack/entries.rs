use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::tar_frame::{END, file_header, folder_entry, padding};
use crate::{Blob, ByteStream, Digest, Error, Result, once, verified};

/// A tar archive of named content, streamed: mode 0644, time 0, no owner, in the given order.
///
/// The same entries always give the same bytes, and the size is known before anything is read.
#[derive(Clone)]
pub struct TarOf {
    segments: Arc<[Segment]>,
    size: u64,
}

#[derive(Clone)]
enum Segment {
    Bytes(Bytes),
    Content { name: String, content: Arc<dyn Blob>, size: u64 },
}

impl TarOf {
    /// Takes names and content. Folders have no entries of their own.
    ///
    /// # Errors
    /// A name that is no path inside an archive, and content whose size is not known beforehand.
    pub fn new(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>) -> Result<Self> {
        Self::build(entries, false, &END)
    }

    /// Takes names and content. Each folder has an entry (mode 0755, no slash at its end) in front of its first content,
    /// as in archives of the older program.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_folders(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>) -> Result<Self> {
        Self::build(entries, true, &END)
    }

    /// The same without the end of an archive: other entries follow. There is an entry for `folder` in any case, which holds
    /// those.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn beginning(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>, folder: &str) -> Result<Self> {
        let mut tar = Self::build(entries, true, &[])?;
        let header = folder_entry(folder)?;
        let is_there = |segment: &Segment| matches!(segment, Segment::Bytes(bytes) if **bytes == *header);
        if !tar.segments.iter().any(is_there) {
            tar.size += header.len() as u64;
            tar.segments = tar.segments.iter().cloned().chain([Segment::Bytes(header.into())]).collect();
        }
        Ok(tar)
    }

    fn build(
        entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>,
        with_folders: bool,
        end: &'static [u8],
    ) -> Result<Self> {
        let mut segments = Vec::new();
        let mut total = 0;
        let mut folders = HashSet::new();
        for (name, content) in entries {
            let Some(size) = content.size() else {
                return Err(Error::Archive(format!("cannot pack the entry {name:?}: its size is not known")));
            };
            for folder in name.match_indices('/').map(|(end, _)| &name[..end]).filter(|_| with_folders) {
                if folders.insert(folder.to_owned()) {
                    let header = folder_entry(folder)?;
                    total += header.len() as u64;
                    segments.push(Segment::Bytes(header.into()));
                }
            }
            let header = file_header(&name, size)?;
            total += header.len() as u64 + size + padding(size);
            segments.push(Segment::Bytes(header.into()));
            segments.push(Segment::Content { name, content, size });
            segments.push(Segment::Bytes(zeros(padding(size) as usize)));
        }
        segments.push(Segment::Bytes(Bytes::from_static(end)));
        Ok(Self { segments: segments.into(), size: total + end.len() as u64 })
    }
}

fn zeros(count: usize) -> Bytes {
    Bytes::from_static(&END[..count])
}

impl Segment {
    fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Content { size, .. } => *size,
        }
    }

    async fn open(&self, offset: u64) -> Result<ByteStream> {
        match self {
            Self::Bytes(bytes) => Ok(once(bytes.slice(offset as usize..))),
            Self::Content { name, content, size } => {
                let stream = content.open_at(offset).await?;
                // Content of another length would shift every entry behind it.
                let digest = content.digest().filter(|_| offset == 0 && !content.is_verified());
                let name = name.clone();
                let stream = verified(stream, Some(size - offset), digest);
                Ok(Box::pin(stream.map_err(move |error| match error {
                    error @ (Error::SizeMismatch { .. } | Error::DigestMismatch { .. }) => {
                        Error::Archive(format!("{name}: {error}"))
                    }
                    error => error,
                })))
            }
        }
    }
}

#[async_trait]
impl Blob for TarOf {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> Result<ByteStream> {
        self.open_at(0).await
    }

    async fn open_at(&self, offset: u64) -> Result<ByteStream> {
        let mut at = 0;
        let mut skipped = offset;
        while let Some(segment) = self.segments.get(at).filter(|segment| segment.size() <= skipped) {
            skipped -= segment.size();
            at += 1;
        }
        let segments = self.segments.clone();
        let streams = stream::try_unfold((at, skipped), move |(at, skipped)| {
            let segments = segments.clone();
            async move {
                let Some(segment) = segments.get(at) else { return Ok(None) };
                let stream = segment.open(skipped).await?;
                Ok::<_, Error>(Some((stream, (at + 1, 0))))
            }
        });
        Ok(streams
            .try_flatten()
            .filter(|chunk| std::future::ready(!matches!(chunk, Ok(chunk) if chunk.is_empty())))
            .boxed())
    }
}
