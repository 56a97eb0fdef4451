//! Changed descriptors in the place of those that were read, beside others who do the same.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocm_model::Descriptor;
use ocm_repository::{ComponentRepository, ComponentVersion, NewVersion, Staged};

use super::store::writable;
use crate::{Context, Error, Kind, Result};

/// Times that what somebody else wrote meanwhile is taken in before it is given up.
const ATTEMPTS: usize = 8;

/// Shortest and longest time until what was written is looked at again.
const SETTLING: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(3));

/// A version as it was read, and what its descriptor is to be.
struct Change {
    read: Arc<ComponentVersion>,
    wanted: Descriptor,
}

/// Puts changed descriptors in the place of those that were read, all of them or none. Content stays where it is.
///
/// Neither registries nor archives compare before they set: whoever looked before somebody else wrote, and writes after, takes
/// away what that one wrote. So everybody looks again when the others have had time to do that, and whoever misses what is his
/// adds it to what is there now. Two signers that sign under different names both find their signatures in the end.
///
/// # Errors
/// The repository cannot be written to, or somebody else changed a version in between in a way that is not one of these.
pub(crate) async fn replace(
    context: &Context,
    repository: &ComponentRepository,
    changed: Vec<(Arc<ComponentVersion>, Descriptor)>,
) -> Result<()> {
    let mut target = writable(context, repository).await?;
    let mut changes: Vec<Change> = changed.into_iter().map(|(read, wanted)| Change { read, wanted }).collect();
    for _ in 0..ATTEMPTS {
        let begin = Instant::now();
        let staged = stage(&target, &changes).await?;
        let all: Vec<_> = changes.iter().map(|change| change.read.as_ref()).zip(&staged).collect();
        let turn = turn(&target).await;
        let written = target.replace_all(&all).await;
        let is_exclusive = turn.is_some();
        drop(turn);
        match written {
            Ok(()) if is_exclusive => {}
            Ok(()) => tokio::time::sleep((begin.elapsed() * 4).clamp(SETTLING.0, SETTLING.1)).await,
            Err(error) if error.kind() == ocm_oci::Kind::Conflict => {}
            Err(error) => return Err(error.into()),
        }
        // What others have written to an archive since is seen by those that open it now.
        if target.content("").location().is_none() {
            target = writable(context, repository).await?;
        }
        changes = missing(&target, changes, &staged).await?;
        if changes.is_empty() {
            return Ok(());
        }
        tracing::info!(versions = changes.len(), "somebody else wrote at the same time: adding to what is there now");
    }
    let reason = "others keep changing it at the same time";
    Err(Error::new(Kind::Conflict, reason).during(repository.address()).hint("run the command again"))
}

/// The lock under which one program at a time looks and writes: on the folder of blobs of an archive, which stays the same one. The
/// folder of the archive itself is locked by whoever writes its index. `None` for registries and packed archives.
async fn turn(target: &ComponentRepository) -> Option<File> {
    if target.content("").location().is_some() {
        return None;
    }
    let blobs = Path::new(&target.address()).join("blobs");
    let lock = move || {
        let folder = File::open(blobs).ok().filter(|file| file.metadata().is_ok_and(|metadata| metadata.is_dir()))?;
        folder.lock().ok().map(|()| folder)
    };
    tokio::task::spawn_blocking(lock).await.ok().flatten()
}

async fn stage(target: &ComponentRepository, changes: &[Change]) -> Result<Vec<Staged>> {
    let mut staged = Vec::new();
    for change in changes {
        staged.push(target.stage(&NewVersion { descriptor: change.wanted.clone(), ..NewVersion::default() }).await?);
    }
    Ok(staged)
}

/// The changes that are not there, on top of what is there now.
async fn missing(target: &ComponentRepository, changes: Vec<Change>, staged: &[Staged]) -> Result<Vec<Change>> {
    let mut missing = Vec::new();
    for (change, staged) in changes.into_iter().zip(staged) {
        let (component, version) = (change.read.name(), change.read.version());
        let root = target.root(component, version).await?;
        if root.is_some_and(|root| root.digest == *staged.root.digest()) {
            continue;
        }
        let now = Arc::new(target.get(component, version).await?);
        if let Some(wanted) = merged(&change, &now)? {
            missing.push(Change { read: now, wanted });
        }
    }
    Ok(missing)
}

/// A change on top of what somebody else has stored since; `None` if it is in there.
///
/// # Errors
/// Something else than signatures was changed, or a signature of the same name.
fn merged(change: &Change, now: &ComponentVersion) -> Result<Option<Descriptor>> {
    let refuse = |what: &str| {
        let reason = format!("{}: {what} by somebody else in the meantime", change.read);
        Err(Error::new(Kind::Conflict, reason).hint("run the command again"))
    };
    if now.root.digest() == change.read.root.digest() {
        return Ok(Some(change.wanted.clone()));
    }
    let plain = |descriptor: &Descriptor| Descriptor { signatures: Vec::new(), ..descriptor.clone() };
    let is = plain(&now.descriptor);
    if is != plain(&change.read.descriptor) && is != plain(&change.wanted) {
        return refuse("it was changed");
    }
    let mut merged = Descriptor { signatures: now.descriptor.signatures.clone(), ..change.wanted.clone() };
    let old = &change.read.descriptor.signatures;
    for signature in change.wanted.signatures.iter().filter(|signature| !old.contains(signature)) {
        match merged.signatures.iter_mut().find(|known| known.name == signature.name) {
            Some(known) if known == signature => {}
            Some(known) if old.contains(known) => *known = signature.clone(),
            Some(_) => return refuse(&format!("its signature {:?} was made", signature.name)),
            None => merged.signatures.push(signature.clone()),
        }
    }
    Ok((merged != now.descriptor).then_some(merged))
}
