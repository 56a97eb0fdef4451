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

/// Which folders have entries of their own.
#[derive(Clone, Copy)]
enum Folders<'a> {
    /// None: paths of content imply them.
    Implied,
    /// Those that content is in, and one that is there in any case.
    Entries(Option<&'a str>),
}

impl TarOf {
    /// Takes names and content. Folders have no entries of their own.
    ///
    /// # Errors
    /// A name that is no path inside an archive, and content whose size is not known beforehand.
    pub fn new(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>) -> Result<Self> {
        Self::build(entries, Folders::Implied, &END)
    }

    /// Takes names and content. Each folder has an entry (mode 0755, no slash at its end) in front of its first content,
    /// as in archives of the older program.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_folders(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>) -> Result<Self> {
        Self::build(entries, Folders::Entries(None), &END)
    }

    /// The same, with an entry for `folder` also if nothing is in it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_folder(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>, folder: &str) -> Result<Self> {
        Self::build(entries, Folders::Entries(Some(folder)), &END)
    }

    /// The same without the end of an archive: other entries follow, which are in `folder`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn beginning(entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>, folder: &str) -> Result<Self> {
        Self::build(entries, Folders::Entries(Some(folder)), &[])
    }

    fn build(
        entries: impl IntoIterator<Item = (String, Arc<dyn Blob>)>,
        folders: Folders<'_>,
        end: &'static [u8],
    ) -> Result<Self> {
        let mut segments = Vec::new();
        let mut written = HashSet::new();
        for (name, content) in entries {
            let Some(size) = content.size() else {
                return Err(Error::Archive(format!("cannot pack the entry {name:?}: its size is not known")));
            };
            if matches!(folders, Folders::Entries(_)) {
                for (end, _) in name.match_indices('/') {
                    if written.insert(name[..end].to_owned()) {
                        segments.push(Segment::Bytes(folder_entry(&name[..end])?.into()));
                    }
                }
            }
            segments.push(Segment::Bytes(file_header(&name, size)?.into()));
            segments.push(Segment::Content { name, content, size });
            segments.push(Segment::Bytes(zeros(padding(size) as usize)));
        }
        if let Folders::Entries(Some(folder)) = folders
            && !written.contains(folder)
        {
            segments.push(Segment::Bytes(folder_entry(folder)?.into()));
        }
        segments.push(Segment::Bytes(Bytes::from_static(end)));
        let size = segments.iter().map(Segment::size).sum();
        Ok(Self { segments: segments.into(), size })
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
