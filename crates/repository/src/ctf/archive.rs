use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ocm_blob::Digest;
use ocm_oci::{Error, Kind, Registry, Repository, UploadRegistry, UploadStore};

use crate::Result;
use crate::ctf::batch::Batch;
use crate::ctf::commit;
use crate::ctf::disk::Stamp;
use crate::ctf::form::{self, Access, Form, INDEX_FILE};
use crate::ctf::index::{Change, Index};
use crate::ctf::packed::{self, Packed};
use crate::ctf::repository::ArchiveRepository;
use crate::ctf::staging::{StagedFile, Staging};

/// Staging folders inside an archive folder begin with this.
const STAGING: &str = ".staging-";

/// A transport archive: OCI content in a folder or in a tar file, as a place with any number of repositories.
///
/// # Guarantees
/// What is pushed is kept aside until [`Registry::commit`], which makes it durable and visible at once; an archive that
/// is dropped before leaves nothing behind. Reading through the same handle (or a clone of it) sees what was pushed.
/// Any number of writers, in this process and others, can work on one archive: each commit adds its own changes to
/// whatever the archive holds by then.
#[derive(Clone)]
pub struct Archive(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) form: Form,
    access: Access,
    /// The archive file, if it is one.
    pub(crate) packed: tokio::sync::Mutex<Option<Packed>>,
    state: Mutex<State>,
    beginning: Mutex<()>,
    committing: tokio::sync::Mutex<()>,
}

pub(crate) struct State {
    /// The index with everything that was pushed through this handle.
    pub(crate) index: Index,
    /// What was pushed and not yet committed.
    pub(crate) batch: Batch,
    /// What is being committed right now.
    pub(crate) in_flight: Option<Arc<Batch>>,
    /// Whether the archive is there, so that a commit without changes has nothing to do.
    exists: bool,
    /// The file that the index was read from, as it was then.
    stamp: Option<Stamp>,
}

impl Archive {
    /// Opens an archive, or begins one: the form of an existing one is told by its content, of a new one by its name.
    ///
    /// # Errors
    /// [`Kind::NotFound`] if there is none and none may be made; [`Kind::Invalid`] if the folder or file is something else.
    pub async fn open(path: impl Into<PathBuf>, access: Access) -> Result<Self> {
        Self::open_in_form(path, access, None).await
    }

    /// Like [`Archive::open`], but a new archive gets the form given. An existing one must have it.
    pub async fn open_as(path: impl Into<PathBuf>, access: Access, form: Form) -> Result<Self> {
        Self::open_in_form(path, access, Some(form)).await
    }

    async fn open_in_form(path: impl Into<PathBuf>, access: Access, form: Option<Form>) -> Result<Self> {
        let path = path.into();
        let mut packed = None;
        let mut stamp = None;
        let (form, index, exists) = match (Form::of_content(&path)?, form) {
            (Some(is), Some(wanted)) if is != wanted => {
                let reason = format!("is a {is} archive, but a {wanted} archive was asked for");
                return Err(Error::new(Kind::Conflict, path.display(), reason));
            }
            (Some(Form::Directory), _) => {
                form::check_folder(&path)?;
                stamp = Stamp::of(&index_file(&path, Form::Directory));
                let (index, exists) = commit::read_index(&path).await?;
                (Form::Directory, index, exists)
            }
            (Some(form), _) => {
                let (open, index) = Packed::open(&path).await?;
                stamp = Some(open.stamp());
                packed = Some(open);
                (form, index, true)
            }
            (None, wanted) if access == Access::Create => {
                (wanted.unwrap_or_else(|| Form::of_name(&path)), Index::default(), false)
            }
            (None, _) => return Err(Error::new(Kind::NotFound, path.display(), "there is no transport archive")),
        };
        let state = State { index, batch: Batch::default(), in_flight: None, exists, stamp };
        Ok(Self(Arc::new(Shared {
            path,
            form,
            access,
            packed: tokio::sync::Mutex::new(packed),
            state: Mutex::new(state),
            beginning: Mutex::new(()),
            committing: tokio::sync::Mutex::new(()),
        })))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// How it lies on the disk.
    pub fn form(&self) -> Form {
        self.0.form
    }
}

impl State {
    /// Makes a change of the index, and remembers it for the commit.
    pub(crate) fn change(&mut self, change: Change) {
        self.index.apply(&change);
        self.batch.changes.push(change);
    }
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error of the file system about this archive.
    pub(crate) fn local(&self, error: std::io::Error) -> Error {
        commit::local(&self.path, error)
    }

    /// Fails unless the archive may be changed.
    pub(crate) fn check_writable(&self) -> Result<()> {
        if self.access == Access::Read {
            return Err(Error::new(Kind::Unsupported, self.path.display(), "the archive was opened for reading only"));
        }
        Ok(())
    }

    /// The folder for content that is not visible yet, if there is one.
    pub(crate) fn begun(&self) -> Option<Arc<Staging>> {
        self.state().batch.staging.clone()
    }

    /// The folder for content that is not visible yet; made if there is none.
    pub(crate) fn staging(&self) -> Result<Arc<Staging>> {
        self.check_writable()?;
        // Not under the lock of the state, since beginning waits for writers of other handles.
        let _one_at_a_time = self.beginning.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(staging) = self.begun() {
            return Ok(staging);
        }
        let staging = self.scratch()?;
        self.state().batch.staging = Some(staging.clone());
        Ok(staging)
    }

    /// A new folder for temporary files.
    fn scratch(&self) -> Result<Arc<Staging>> {
        let staging = match self.form {
            Form::Directory => Staging::begin(&self.path, STAGING),
            Form::Tar | Form::TarGzip => {
                let name = self.path.file_name().unwrap_or_default().to_string_lossy();
                Staging::begin(ocm_blob::folder_of(&self.path), &format!(".{name}{STAGING}"))
            }
        };
        staging.map(Arc::new).map_err(|error| self.local(error))
    }

    /// Takes finished content into the batch.
    pub(crate) fn take_in(&self, digest: Digest, file: StagedFile) {
        let mut state = self.state();
        state.batch.removed.remove(&digest);
        state.batch.staged.entry(digest).or_insert_with(|| Arc::new(file));
    }

    /// Takes up what other writers have committed since the index was read.
    pub(crate) async fn refresh(&self) -> Result<()> {
        loop {
            let before = self.state().stamp;
            let now = Stamp::of(&index_file(&self.path, self.form));
            // While there is nothing on the disk, what this handle holds is all there is.
            if now == before || now.is_none() {
                return Ok(());
            }
            let mut index = match self.form {
                Form::Directory => commit::read_index(&self.path).await?.0,
                Form::Tar | Form::TarGzip => Packed::open(&self.path).await?.1,
            };
            let mut state = self.state();
            // Otherwise a commit of this handle came in between, and what was read may be older.
            if state.stamp == before {
                let pending = state.in_flight.iter().flat_map(|batch| &batch.changes).chain(&state.batch.changes);
                pending.for_each(|change| index.apply(change));
                (state.index, state.stamp, state.exists) = (index, now, true);
                return Ok(());
            }
        }
    }

    async fn commit(self: Arc<Self>) -> Result<()> {
        let _one_at_a_time = self.committing.lock().await;
        let batch = {
            let mut state = self.state();
            if state.batch.is_empty() && (state.exists || self.access != Access::Create) {
                return Ok(());
            }
            let batch = Arc::new(std::mem::take(&mut state.batch));
            state.in_flight = Some(batch.clone());
            batch
        };
        let result = self.write(batch.clone()).await;
        let mut state = self.state();
        state.in_flight = None;
        match result {
            Ok((mut index, stamp)) => {
                state.stamp = stamp;
                for change in &state.batch.changes {
                    index.apply(change);
                }
                state.index = index;
                state.exists = true;
                Ok(())
            }
            Err(error) => {
                // Nothing became visible; a later commit tries all of it again.
                if let Ok(mut batch) = Arc::try_unwrap(batch) {
                    batch.append(std::mem::take(&mut state.batch));
                    state.batch = batch;
                }
                Err(error)
            }
        }
    }

    async fn write(self: &Arc<Self>, batch: Arc<Batch>) -> Result<(Index, Option<Stamp>)> {
        let (shared, begun) = (self.clone(), batch.staging.clone());
        let scratch = blocking(move || begun.map_or_else(|| shared.scratch(), Ok)).await?;
        match self.form {
            Form::Directory => commit::folder(&self.path, &scratch, &batch).await,
            Form::Tar | Form::TarGzip => packed::commit(self, &scratch, &batch).await,
        }
    }
}

#[async_trait]
impl Registry for Archive {
    fn address(&self) -> String {
        self.0.path.display().to_string()
    }

    fn repository(&self, name: &str) -> Arc<dyn Repository> {
        Arc::new(ArchiveRepository::new(self.0.clone(), name))
    }

    async fn repositories(&self) -> Result<Vec<String>> {
        self.0.refresh().await?;
        Ok(self.0.state().index.repositories().map(str::to_owned).collect())
    }

    async fn commit(&self) -> Result<()> {
        // On a task of its own: a caller that is cancelled must not leave the state of this handle in between.
        let committed = tokio::spawn(self.0.clone().commit()).await;
        committed.unwrap_or_else(|error| Err(Error::new(Kind::Local, self.address(), error)))
    }
}

impl UploadRegistry for Archive {
    fn upload_store(&self, name: &str) -> Arc<dyn UploadStore> {
        Arc::new(ArchiveRepository::new(self.0.clone(), name))
    }
}

/// The file whose replacement means that the index has changed.
pub(crate) fn index_file(archive: &Path, form: Form) -> PathBuf {
    match form {
        Form::Directory => archive.join(INDEX_FILE),
        Form::Tar | Form::TarGzip => archive.to_owned(),
    }
}

/// Runs file work where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(Kind::Local, INDEX_FILE, error)),
    }
}
