use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ocm_blob::Digest;
use ocm_oci::{Error, Kind, Registry, Repository, UploadRegistry, UploadStore};

use crate::Result;
use crate::ctf::assemble;
use crate::ctf::base::Base;
use crate::ctf::batch::Batch;
use crate::ctf::commit;
use crate::ctf::disk::Stamp;
use crate::ctf::form::{self, Access, Form, INDEX_FILE};
use crate::ctf::index::{Change, Index};
use crate::ctf::needs::Needs;
use crate::ctf::packed::Packed;
use crate::ctf::parts;
use crate::ctf::repository::ArchiveRepository;
use crate::ctf::staging::{StagedFile, Staging};

/// Staging folders inside an archive folder begin with this.
const STAGING: &str = ".staging-";

/// How an archive is opened.
#[derive(Clone, Debug, Default)]
pub struct ArchiveOptions {
    /// The form of a new archive, which an existing one must have; the default follows the name of a new one.
    pub form: Option<Form>,
    /// Bytes of the parts that an archive file is written in: `NAME.001`, `NAME.002`, … Without it, an archive that has
    /// parts keeps the size of its parts, and any other one is written in one file.
    pub split: Option<u64>,
    /// What need not be stored, since the place the archive goes to has it. What is left out for that is noted in the
    /// archive.
    pub base: Option<Arc<Base>>,
}

/// A transport archive: OCI content in a folder or in a tar file, as a place with any number of repositories.
///
/// # Guarantees
/// What is pushed is kept aside until [`Registry::commit`], which makes it durable and visible at once. An archive that is
/// dropped before leaves nothing behind but, where more than 16 MiB have been pushed, a hidden folder that the next writer
/// of the archive continues from: what was complete is not asked for again, what was not is asked for from where it
/// ended. Both are hashed anew. Reading through the same handle (or a clone of it) sees what was pushed.
/// Any number of writers, in this process and others, can work on one archive: each commit adds its own changes to
/// whatever the archive holds by then.
#[derive(Clone)]
pub struct Archive(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) path: PathBuf,
    pub(crate) form: Form,
    access: Access,
    /// Bytes of the parts it is to be written in; otherwise it stays as it is.
    pub(crate) split: Option<u64>,
    /// What need not be stored.
    pub(crate) base: Option<Arc<Base>>,
    /// The archive file, if it is one.
    pub(crate) packed: tokio::sync::Mutex<Option<Packed>>,
    state: Mutex<State>,
    /// Which manifests need what, as far as anybody wanted to remove something.
    pub(crate) needs: tokio::sync::Mutex<Needs>,
    beginning: Mutex<()>,
    committing: tokio::sync::Mutex<()>,
}

pub(crate) struct State {
    /// The index with everything that was pushed through this handle.
    pub(crate) index: Index,
    /// Counts changes of the index.
    pub(crate) generation: u64,
    /// What was left out of the archive.
    pub(crate) left_out: Base,
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
        Self::open_with(path, access, ArchiveOptions::default()).await
    }

    /// Like [`Archive::open`], but a new archive gets the form given. An existing one must have it.
    pub async fn open_as(path: impl Into<PathBuf>, access: Access, form: Form) -> Result<Self> {
        Self::open_with(path, access, ArchiveOptions { form: Some(form), ..ArchiveOptions::default() }).await
    }

    /// Opens an archive, or begins one, with options. An archive in parts is opened by its name or by that of any part.
    ///
    /// # Errors
    /// As [`Archive::open`]; a part that is missing or damaged is named.
    pub async fn open_with(path: impl Into<PathBuf>, access: Access, options: ArchiveOptions) -> Result<Self> {
        let mut path = path.into();
        form::check_name(&path)?;
        parts::recover(&path).await?;
        let (mut packed, mut stamp, mut there) = (None, None, None);
        let mut left_out = Base::default();
        let found = if access == Access::Create { parts::find_to_write(&path)? } else { parts::find(&path)? };
        if let Some(parts) = found {
            path = parts.name().to_path_buf();
            there = Some(if parts.is_compressed() { Form::TarGzip } else { Form::Tar });
        }
        let there = there.map_or_else(|| Form::of_content(&path), |form| Ok(Some(form)))?;
        let (form, index, exists) = match (there, options.form) {
            (Some(is), Some(wanted)) if is != wanted => {
                let reason = format!("is a {is} archive, but a {wanted} archive was asked for");
                return Err(Error::new(Kind::Conflict, path.display(), reason));
            }
            (Some(Form::Directory), _) => {
                form::check_folder(&path)?;
                stamp = Stamp::of(&index_file(&path, Form::Directory));
                let (index, exists) = commit::read_index(&path).await?;
                left_out = commit::read_base(&path).await?;
                (Form::Directory, index, exists)
            }
            (Some(form), _) => {
                let (open, index) = Packed::open(&path).await?;
                if access != Access::Read {
                    open.check_writable(&path)?;
                }
                stamp = Some(open.stamp());
                left_out = open.left_out().await?;
                packed = Some(open);
                (form, index, true)
            }
            (None, wanted) if access == Access::Create => {
                (wanted.unwrap_or_else(|| Form::of_name(&path)), Index::default(), false)
            }
            (None, _) => return Err(Error::new(Kind::NotFound, path.display(), "there is no transport archive")),
        };
        if access == Access::Create && !exists {
            form::check_new(&path)?;
        }
        if options.split.is_some() && form == Form::Directory {
            let reason = "a folder cannot be split: choose a name that ends in .tar or .tgz, or such a form";
            return Err(Error::new(Kind::Malformed, path.display(), reason));
        }
        if let Some(part_size) = options.split {
            parts::check_size(&path, part_size, form)?;
        }
        let state = State { index, generation: 0, left_out, batch: Batch::default(), in_flight: None, exists, stamp };
        Ok(Self(Arc::new(Shared {
            path,
            form,
            access,
            split: options.split,
            base: options.base,
            packed: tokio::sync::Mutex::new(packed),
            state: Mutex::new(state),
            needs: tokio::sync::Mutex::default(),
            beginning: Mutex::new(()),
            committing: tokio::sync::Mutex::new(()),
        })))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// What was left out of it because its base has it; empty for an archive that is whole.
    pub fn left_out(&self) -> Base {
        self.0.state().left_out.clone()
    }

    /// How it lies on the disk.
    pub fn form(&self) -> Form {
        self.0.form
    }
}

/// What an archive holds after a commit.
pub(crate) struct Written {
    pub(crate) index: Index,
    pub(crate) left_out: Base,
    pub(crate) stamp: Option<Stamp>,
}

impl State {
    /// Makes a change of the index, and remembers it for the commit.
    pub(crate) fn change(&mut self, change: Change) {
        self.index.apply(&change);
        self.generation += 1;
        self.batch.changes.push(change);
    }

    /// Forgets content, and removes it from the archive at commit.
    pub(crate) fn remove(&mut self, digest: Digest) {
        let index = &self.index;
        self.batch.seen.get_or_insert_with(|| {
            let rows = index.repositories().filter_map(|name| index.repository(name));
            rows.flat_map(|rows| rows.manifests().cloned()).collect()
        });
        self.batch.staged.remove(&digest);
        self.batch.relied.remove(&digest);
        self.batch.removed.insert(digest);
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

    /// What is known of content that is not here but in the base; `None` too where the archive is only read.
    pub(crate) fn elsewhere<T>(&self, look: impl Fn(&Base) -> Option<T>) -> Option<T> {
        if self.access == Access::Read {
            return None;
        }
        self.base.as_deref().and_then(&look).or_else(|| look(&self.state().left_out))
    }

    /// Remembers that content need not be pushed because it is there.
    pub(crate) fn rely_on(&self, digest: &Digest) {
        let mut state = self.state();
        if !state.batch.staged.contains_key(digest) {
            state.batch.relied.insert(digest.clone());
        }
    }

    /// Why content is not here, if the base has it.
    pub(crate) fn in_base(&self, digest: &Digest) -> Option<Error> {
        let state = self.state();
        let known = state.left_out.content.get(digest)?;
        let reason = format!(
            "is not in this archive but in its base {} ({} bytes): this archive is a differential one and only useful where \
             its base has been transferred to",
            state.left_out.shown(),
            known.size
        );
        Some(Error::new(Kind::NotFound, format!("{}: {digest}", self.path.display()), reason))
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
                state.generation += 1;
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
            Ok(Written { mut index, left_out, stamp }) => {
                state.stamp = stamp;
                state.left_out = left_out;
                for change in &state.batch.changes {
                    index.apply(change);
                }
                state.index = index;
                state.generation += 1;
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

    async fn write(self: &Arc<Self>, batch: Arc<Batch>) -> Result<Written> {
        let (shared, begun) = (self.clone(), batch.staging.clone());
        let scratch = blocking(move || begun.map_or_else(|| shared.scratch(), Ok)).await?;
        let written = match self.form {
            Form::Directory => commit::folder(&self.path, &scratch, &batch, self.base.as_deref()).await,
            Form::Tar | Form::TarGzip => assemble::commit(self, &scratch, &batch).await,
        };
        // With the size of parts that was asked for nobody can go on either.
        if written.as_ref().map_or_else(|error| error.kind() == Kind::Malformed, |_| true) {
            scratch.done();
        }
        written
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
        Form::Tar | Form::TarGzip => parts::first_file(archive),
    }
}

/// Runs file work where it does not hold up others.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::new(Kind::Local, INDEX_FILE, error)),
    }
}
