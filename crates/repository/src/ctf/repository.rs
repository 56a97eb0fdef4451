use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use ocm_blob::{Algorithm, Blob, ByteStream, Digest, OpenFile, Staged, once, read_to_end, verified, write_into};
use ocm_oci::reference::{is_tag, referrers_tag};
use ocm_oci::{
    Descriptor, Document, Error, Home, Kind, Manifest, Pushed, Repository, Selector, Upload, UploadStore, media_type,
};

use crate::Result;
use crate::ctf::archive::{Shared, blocking};
use crate::ctf::batch::Referral;
use crate::ctf::body;
use crate::ctf::commit::MANIFEST_LIMIT;
use crate::ctf::form::Form;
use crate::ctf::index::{Change, Rows};
use crate::ctf::referrers;
use crate::ctf::staging::{StagedContent, StagedFile, Staging};

/// One repository of a transport archive.
///
/// Content lies in one folder for all repositories, so a blob that one of them has, all have.
#[derive(Clone)]
pub(crate) struct ArchiveRepository {
    archive: Arc<Shared>,
    name: String,
}

impl ArchiveRepository {
    pub(crate) fn new(archive: Arc<Shared>, name: &str) -> Self {
        Self { archive, name: name.to_owned() }
    }

    /// Digest and media type of a manifest according to the index.
    fn look_up(&self, selector: &Selector) -> Option<(Digest, Option<String>)> {
        let state = self.archive.state();
        let rows: &Rows = state.index.repository(&self.name)?;
        let digest = match selector {
            Selector::Tag(tag) => rows.tagged(tag)?,
            Selector::Digest(digest) => digest,
        };
        rows.contains(digest).then(|| (digest.clone(), rows.media_type(digest).map(str::to_owned)))
    }

    async fn read_manifest(&self, digest: &Digest) -> Result<Bytes> {
        let stream = self.blob(digest, 0).await.map_err(|error| match error.kind() {
            Kind::NotFound if self.archive.in_base(digest).is_none() => {
                let reason = format!("the index names manifest {digest}, but its content is missing");
                Error::invalid(self.address(), reason)
            }
            _ => error,
        })?;
        read_to_end(stream, MANIFEST_LIMIT, "manifest")
            .await
            .map_err(Error::blob(format!("{}@{digest}", self.address())))
    }

    /// Fails if something that a manifest needs is not in the archive.
    async fn check_parts(&self, document: &Document, left_out: &[Digest]) -> Result<()> {
        let parts = document.blobs().into_iter().chain(document.manifests());
        for part in parts.filter(|part| !part.may_be_elsewhere() && !left_out.contains(&part.digest)) {
            if self.archive.size_of_known(&part.digest).await?.is_some() {
                self.archive.rely_on(&part.digest);
            } else {
                let reason = format!("the manifest needs {}, which is not in the archive", part.digest);
                return Err(Error::invalid(self.address(), reason));
            }
        }
        Ok(())
    }

    /// Writes content into a file that is not visible yet.
    async fn receive(&self, stream: ByteStream, algorithm: Algorithm) -> Result<(Digest, StagedFile)> {
        let folder = self.staging().await?;
        let mut content = Staged::with_algorithm(folder.path(), algorithm);
        content.fill(stream).await.map_err(Error::blob(self.content_subject()))?;
        StagedFile::finish(folder, content).await.map_err(Error::blob(self.content_subject()))
    }

    /// The same for content whose digest was announced: only what an interrupted writer has not left is read.
    async fn receive_or_continue(
        &self,
        content: &dyn Blob,
        digest: &Digest,
        folder: &Arc<Staging>,
    ) -> Result<(Digest, StagedFile)> {
        let fail = || Error::blob(self.content_subject());
        loop {
            let mut staged = Staged::resume(folder.path(), digest.clone(), content.size()).await.map_err(fail())?;
            let is_continued = staged.size() > 0;
            staged.complete(content).await.map_err(fail())?;
            let (actual, file) = StagedFile::finish(folder.clone(), staged).await.map_err(fail())?;
            if actual == *digest || !is_continued {
                return Ok((actual, file));
            }
            // What was left was damaged, by a power failure for instance. It is gone now, and all is read again.
            if let Some(path) = file.path() {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The same for large content of an archive file, which goes to its place in the new file. `None` if it cannot have one.
    async fn receive_in_place(
        &self,
        content: &dyn Blob,
        digest: &Digest,
        folder: &Arc<Staging>,
    ) -> Result<Option<(StagedFile, Pushed)>> {
        let Some(size) = content.size().filter(|size| *size >= body::LARGE && self.archive.form == Form::Tar) else {
            return Ok(None);
        };
        let body = folder.body(self.archive.part_size().await).map_err(|error| self.archive.local(error))?;
        let room = body.room(digest, size).map_err(|error| self.archive.local(error))?;
        let Some(mut place) = room else { return Ok(None) };
        loop {
            let before = place.written();
            let begun = place.begun().map_err(|error| self.archive.local(error))?;
            let written = write_into(content, digest, begun, place.writer(), &place.shown()).await;
            let actual = written.map_err(Error::blob(self.content_subject()))?;
            if actual == *digest {
                let how = if before == size { Pushed::Present } else { Pushed::Sent };
                return Ok(Some((StagedFile::in_body(folder.clone(), place.complete(), size), how)));
            }
            place.clear();
            if before == 0 {
                return Err(self.other_content(digest, &actual));
            }
            // What was left was damaged, by a power failure for instance. All is read again.
        }
    }

    async fn staging(&self) -> Result<Arc<Staging>> {
        if let Some(folder) = self.archive.begun() {
            return Ok(folder);
        }
        let shared = self.archive.clone();
        blocking(move || shared.staging()).await
    }

    async fn missing(&self, digest: &Digest) -> Error {
        if let Some(in_base) = self.archive.in_base(digest) {
            return in_base;
        }
        let subject = format!("{}@{digest}", self.address());
        if self.archive.is_cut().await {
            return Error::invalid(subject, "not found: the archive is truncated, it has no end");
        }
        Error::not_found(subject)
    }

    fn content_subject(&self) -> String {
        format!("content for {}", self.address())
    }

    fn other_content(&self, expected: &Digest, actual: &Digest) -> Error {
        Error::invalid(self.address(), format!("content has digest {actual}, but {expected} was expected"))
    }

    fn take_in(&self, expected: Option<&Digest>, actual: &Digest, file: StagedFile) -> Result<()> {
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Err(self.other_content(expected, actual));
        }
        self.archive.take_in(actual.clone(), file);
        Ok(())
    }

    /// The repository in which a manifest needs this blob, other than this one.
    async fn needed_elsewhere(&self, digest: &Digest) -> Result<Option<String>> {
        let mut needs = self.archive.needs.lock().await;
        let (unread, generation) = {
            let state = self.archive.state();
            (needs.unread(&state.index, state.generation), state.generation)
        };
        for (name, manifest) in unread {
            let bytes = Self::new(self.archive.clone(), &name).read_manifest(&manifest).await?;
            needs.add(&name, &manifest, &bytes);
        }
        needs.is_complete(generation);
        Ok(needs.elsewhere(&self.archive.state().index, &self.name, digest))
    }
}

#[async_trait]
impl Repository for ArchiveRepository {
    fn address(&self) -> String {
        format!("{}//{}", self.archive.path.display(), self.name)
    }

    async fn resolve(&self, selector: &Selector) -> Result<Option<Descriptor>> {
        self.archive.refresh().await?;
        let Some((digest, known)) = self.look_up(selector) else {
            let Selector::Digest(digest) = selector else { return Ok(None) };
            return Ok(self.archive.elsewhere(|base| base.manifest(&self.name, digest)));
        };
        let (media_type, size) = if let Some(media_type) = known {
            (media_type, self.archive.size_of(&digest).await?)
        } else {
            let bytes = self.read_manifest(&digest).await?;
            (media_type_of(&bytes), Some(bytes.len() as u64))
        };
        let Some(size) = size else {
            let reason = format!("the index names manifest {digest}, but its content is missing");
            return Err(Error::invalid(self.address(), reason));
        };
        Ok(Some(Descriptor::new(media_type, digest, size)))
    }

    async fn manifest(&self, selector: &Selector) -> Result<Manifest> {
        self.archive.refresh().await?;
        let Some((digest, known)) = self.look_up(selector) else {
            if let Selector::Digest(digest) = selector
                && let Some(in_base) = self.archive.in_base(digest)
            {
                return Err(in_base);
            }
            return Err(Error::not_found(match selector {
                Selector::Tag(tag) => format!("{}:{tag}", self.address()),
                Selector::Digest(digest) => format!("{}@{digest}", self.address()),
            }));
        };
        let bytes = self.read_manifest(&digest).await?;
        Ok(Manifest::with_digest(known.unwrap_or_else(|| media_type_of(&bytes)), bytes, digest))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.archive.size_of_known(digest).await
    }

    async fn blob(&self, digest: &Digest, offset: u64) -> Result<ByteStream> {
        match self.archive.read(digest, offset).await? {
            Some(stream) => Ok(stream),
            None => Err(self.missing(digest).await),
        }
    }

    async fn blob_unverified(&self, digest: &Digest) -> Result<ByteStream> {
        match self.archive.read_unverified(digest, 0).await? {
            Some(stream) => Ok(stream),
            None => Err(self.missing(digest).await),
        }
    }

    async fn blob_file(&self, digest: &Digest, offset: u64) -> Result<Option<OpenFile>> {
        self.archive.open_file(digest, offset).await
    }

    fn position(&self, digest: &Digest) -> Option<u64> {
        self.archive.position(digest)
    }

    fn home(&self) -> Home {
        Home { place: self.archive.path.display().to_string(), name: self.name.clone() }
    }

    fn sibling(&self, name: &str) -> Option<Arc<dyn Repository>> {
        Some(Arc::new(Self::new(self.archive.clone(), name)))
    }

    async fn push_blob(&self, content: &dyn Blob) -> Result<(Descriptor, Pushed)> {
        self.archive.check_writable()?;
        let described = |digest: Digest, size| Descriptor::new(media_type::OCTETS, digest, size);
        let expected = content.digest();
        if let Some(digest) = &expected
            && let Some(size) = self.archive.size_of_known(digest).await?
            // A file of another size is damaged and is replaced.
            && content.size().is_none_or(|expected| expected == size)
        {
            self.archive.rely_on(digest);
            return Ok((described(digest.clone(), size), Pushed::Present));
        }
        let (digest, file) = match &expected {
            Some(digest) => {
                let folder = self.staging().await?;
                if let Some((file, how)) = self.receive_in_place(content, digest, &folder).await? {
                    let size = file.size();
                    self.archive.take_in(digest.clone(), file);
                    return Ok((described(digest.clone(), size), how));
                }
                if let Some(file) = StagedFile::left_over(&folder, digest, content.size()).await {
                    let size = file.size();
                    self.archive.take_in(digest.clone(), file);
                    return Ok((described(digest.clone(), size), Pushed::Present));
                }
                self.receive_or_continue(content, digest, &folder).await?
            }
            None => {
                let stream = content.open().await.map_err(Error::blob(self.content_subject()))?;
                self.receive(verified(stream, content.size(), None), Algorithm::Sha256).await?
            }
        };
        let size = file.size();
        self.take_in(expected.as_ref(), &digest, file)?;
        Ok((described(digest, size), Pushed::Sent))
    }

    async fn mount(&self, digest: &Digest, _from: &str) -> Result<bool> {
        let is_there = self.archive.size_of_known(digest).await?.is_some();
        if is_there {
            self.archive.rely_on(digest);
        }
        Ok(is_there)
    }

    async fn push_manifest(&self, manifest: &Manifest, tag: Option<&str>) -> Result<()> {
        self.push_sparse(manifest, tag, &[]).await
    }

    async fn push_sparse(&self, manifest: &Manifest, tag: Option<&str>, left_out: &[Digest]) -> Result<()> {
        self.archive.check_writable()?;
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(Error::invalid(
                self.address(),
                format!("{tag:?} is not a tag: up to 128 letters, digits, `_`, `.`, `-`"),
            ));
        }
        if manifest.bytes().len() as u64 > MANIFEST_LIMIT {
            return Err(Error::invalid(
                self.address(),
                format!("the manifest is larger than the limit of {MANIFEST_LIMIT} bytes"),
            ));
        }
        let digest = manifest.digest();
        let document = match manifest.media_type() {
            media_type::ARTIFACT => None,
            _ => Some(manifest.document()?),
        };
        let size = manifest.bytes().len() as u64;
        if self.archive.size_of(digest).await? == Some(size) {
            self.archive.rely_on(digest);
        } else {
            if let Some(document) = &document {
                self.check_parts(document, left_out).await?;
            }
            let (actual, file) = self.receive(once(manifest.bytes().clone()), digest.algorithm()).await?;
            self.take_in(Some(digest), &actual, file)?;
        }
        let mut state = self.archive.state();
        if let Some(document) = &document
            && let Some(subject) = document.subject()
        {
            state.batch.referrers.push(Referral {
                repository: self.name.clone(),
                subject: subject.digest.clone(),
                referrer: referrers::row(manifest, document),
                present: true,
            });
        }
        state.batch.removed.remove(digest);
        state.change(Change::Put {
            repository: self.name.clone(),
            tag: tag.map(str::to_owned),
            digest: digest.clone(),
            media_type: Some(manifest.media_type().to_owned()),
        });
        Ok(())
    }

    async fn tags(&self) -> Result<Vec<String>> {
        self.archive.refresh().await?;
        let state = self.archive.state();
        let tags = state.index.repository(&self.name).map(Rows::tags).unwrap_or_default();
        Ok(tags.into_iter().map(|(tag, _)| tag.to_owned()).collect())
    }

    async fn referrers(&self, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.archive.refresh().await?;
        let mut list = match self.look_up(&Selector::Tag(referrers_tag(subject))) {
            None => Vec::new(),
            Some((digest, _)) => {
                let bytes = self.read_manifest(&digest).await?;
                referrers::parse(&bytes).map_err(|reason| Error::invalid(self.address(), reason))?.manifests
            }
        };
        let state = self.archive.state();
        let pending = state.in_flight.iter().flat_map(|batch| &batch.referrers).chain(&state.batch.referrers);
        for referral in pending.filter(|referral| referral.repository == self.name && referral.subject == *subject) {
            referrers::apply(&mut list, referral);
        }
        Ok(list)
    }

    async fn delete_manifest(&self, selector: &Selector) -> Result<bool> {
        self.archive.check_writable()?;
        self.archive.refresh().await?;
        let Some((digest, _)) = self.look_up(selector) else { return Ok(false) };
        let repository = self.name.clone();
        if let Selector::Tag(tag) = selector {
            self.archive.state().change(Change::RemoveTag { repository, tag: tag.clone() });
            return Ok(true);
        }
        // A damaged manifest can be removed too; then nothing is known of its subject.
        let subject = match self.manifest(selector).await {
            Ok(manifest) => manifest.document().ok().and_then(|document| {
                let subject = document.subject()?.digest.clone();
                Some(Referral {
                    repository: repository.clone(),
                    subject,
                    referrer: manifest.descriptor(),
                    present: false,
                })
            }),
            Err(_) => None,
        };
        let mut state = self.archive.state();
        state.batch.referrers.extend(subject);
        state.change(Change::RemoveManifest { repository, digest: digest.clone() });
        if !state.index.names(&digest) {
            state.remove(digest);
        }
        Ok(true)
    }

    async fn delete_blob(&self, digest: &Digest) -> Result<bool> {
        self.archive.check_writable()?;
        self.archive.refresh().await?;
        if self.archive.size_of(digest).await?.is_none() {
            return Ok(false);
        }
        if let Some(name) = self.needed_elsewhere(digest).await? {
            let reason = format!("blob {digest} is needed in repository {name} too");
            return Err(Error::new(Kind::Conflict, self.address(), reason));
        }
        self.archive.state().remove(digest.clone());
        Ok(true)
    }
}

#[async_trait]
impl UploadStore for ArchiveRepository {
    async fn begin(&self) -> Result<Box<dyn Upload>> {
        let folder = self.staging().await?;
        let content = Staged::new(folder.path());
        Ok(Box::new(ArchiveUpload { repository: self.clone(), folder, content }))
    }
}

struct ArchiveUpload {
    repository: ArchiveRepository,
    folder: Arc<Staging>,
    content: Staged,
}

#[async_trait]
impl Upload for ArchiveUpload {
    fn size(&self) -> u64 {
        self.content.size()
    }

    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.content.write(bytes).await.map_err(Error::blob(self.repository.content_subject()))
    }

    async fn finish(self: Box<Self>, expected: &Digest) -> Result<()> {
        let Self { repository, folder, content } = *self;
        let finished = StagedFile::finish(folder, content).await;
        let (actual, file) = finished.map_err(Error::blob(repository.content_subject()))?;
        if expected.algorithm() == actual.algorithm() {
            return repository.take_in(Some(expected), &actual, file);
        }
        // The algorithm is known only now: the content is read once more.
        let content = StagedContent::new(Arc::new(file), Some(expected.clone()));
        repository.push_blob(&content).await.map(drop)
    }
}

/// What a manifest is whose row does not say it.
fn media_type_of(bytes: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Start {
        media_type: Option<String>,
        manifests: Option<serde::de::IgnoredAny>,
    }
    match serde_json::from_slice::<Start>(bytes) {
        Ok(Start { media_type: Some(media_type), .. }) => media_type,
        Ok(Start { manifests: Some(_), .. }) => media_type::INDEX.to_owned(),
        _ => media_type::MANIFEST.to_owned(),
    }
}
