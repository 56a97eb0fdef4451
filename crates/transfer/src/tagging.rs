//! Giving images their names.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_blob::Digest;

use crate::execute::Moved;
use crate::settle::{check_tag, look_up};
use crate::work::Job;
use crate::{Error, Existing, Options, Result};

/// The address of a repository, and a tag.
type Name = (String, String);

/// The names that a transfer has given, and what they lead to.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<Name, Digest>>);

/// A job by its position, with what was moved for it.
pub(crate) type Named<'a> = (usize, &'a Job, Option<&'a Moved>);

impl Names {
    fn given(&self) -> MutexGuard<'_, HashMap<Name, Digest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the images of these jobs their names. Where several get the same one, the last of them has it in the end.
    ///
    /// # Errors
    /// The first failure, with the position of its job.
    pub(crate) async fn give<'a>(
        &self,
        jobs: impl Iterator<Item = Named<'a>>,
        options: &Options,
    ) -> Result<(), (usize, Error)> {
        let mut positions: HashMap<Name, usize> = HashMap::new();
        let mut groups: Vec<(Name, Vec<Named<'a>>)> = Vec::new();
        for named in jobs.filter(|(_, job, _)| job.is_needed) {
            let Some(tag) = &named.1.tag else { continue };
            let name = (named.1.place.address(), tag.clone());
            let position = *positions.entry(name.clone()).or_insert_with(|| {
                groups.push((name, Vec::new()));
                groups.len() - 1
            });
            groups[position].1.push(named);
        }
        let groups = stream::iter(groups).map(|(name, group)| async move {
            for (position, job, moved) in group {
                self.give_one(&name, job, moved, options.existing).await.map_err(|error| (position, error))?;
            }
            Ok(())
        });
        groups.buffer_unordered(options.concurrency.max(1) * 4).try_collect().await
    }

    async fn give_one(&self, name: &Name, job: &Job, moved: Option<&Moved>, existing: Existing) -> Result<()> {
        let root = moved.and_then(|moved| moved.measured.as_ref()).or(job.content.root());
        let (Some(tag), Some(root)) = (&job.tag, root) else { return Ok(()) };
        let at = |error: ocm_oci::Error| Error::Element {
            element: job.subject(),
            version: job.owner.clone(),
            source: error.on("target"),
        };
        let given = self.given().get(name).cloned();
        // Whoever lets a later image have the name of another one of the same transfer has said so.
        let there = match (given, &job.found) {
            (Some(digest), _) => Some(digest),
            (None, known) => {
                let found = match known.as_ref().filter(|found| found.is_fresh()) {
                    Some(found) => found.clone(),
                    None => look_up(job).await.map_err(at)?,
                };
                if found.there.as_ref().is_some_and(|there| there.digest != root.digest) {
                    // Planning has looked, but somebody may have been faster since then.
                    check_tag(job, &found, existing)?;
                }
                found.there.map(|there| there.digest)
            }
        };
        if there.as_ref() != Some(&root.digest) {
            let manifest = match moved.and_then(|moved| moved.root.as_ref()) {
                Some(manifest) => manifest.clone(),
                None => job.place.manifest(&root.digest.clone().into()).await.map_err(at)?,
            };
            job.place.push_manifest(&manifest, Some(tag)).await.map_err(at)?;
        }
        self.given().insert(name.clone(), root.digest.clone());
        Ok(())
    }
}
