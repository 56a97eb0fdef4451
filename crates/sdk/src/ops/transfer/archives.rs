use std::sync::Arc;

use ocm_model::access::Access;
use ocm_model::reference::RepositoryReference;
use ocm_repository::{ArchiveOptions, ComponentVersion};

use super::{CopyMode, ElementKind, Request};
use crate::ops::inventory::{self, Baseline};
use crate::{Context, Result};

/// How target archives are written: in parts, and without what their receiver has.
pub(super) struct ArchiveTargets {
    split: Option<u64>,
    since: Option<Baseline>,
}

impl ArchiveTargets {
    pub(super) async fn of(context: &Context, request: &Request) -> Result<Self> {
        let since = match &request.since {
            Some(since) => Some(Baseline::read(context, since).await?),
            None => None,
        };
        Ok(Self { split: request.split, since })
    }

    /// Takes out the component versions that the receiver has, unless more than they are was asked for: content that they
    /// refer to, or what is said about their images.
    pub(super) fn leave_out(&self, versions: &mut Vec<Arc<ComponentVersion>>, request: &Request) {
        let Some(since) = &self.since else { return };
        let before = versions.len();
        versions.retain(|version| {
            let is_there = since.has(version.name(), version.version(), version.root.digest());
            !is_there || request.referrers || brings_content(version, request)
        });
        let left = before - versions.len();
        if left > 0 {
            tracing::info!(target: "ocm", base = since.base.shown(), "{left} component version(s) are in the base");
        }
        if versions.is_empty() {
            // Who waits for the file has to know that there is none.
            tracing::warn!(target: "ocm", base = since.base.shown(), "there is nothing new to carry: no archive is written");
        }
    }

    /// Fails if something was asked for that only archives can do.
    pub(super) fn check(&self, name: &str, target: &RepositoryReference) -> Result<()> {
        let flag = match (&self.split, &self.since) {
            (Some(_), _) => "--split",
            (None, Some(_)) => "--since",
            (None, None) => return Ok(()),
        };
        match target {
            RepositoryReference::Ctf { .. } => Ok(()),
            RepositoryReference::Oci { .. } | RepositoryReference::Other(_) => {
                Err(inventory::only_archives(flag, name))
            }
        }
    }

    pub(super) fn options(&self) -> ArchiveOptions {
        let base = self.since.as_ref().map(|since| since.base.clone());
        ArchiveOptions { split: self.split, base, ..ArchiveOptions::default() }
    }
}

/// Whether content comes along that is no part of a version where it comes from.
fn brings_content(version: &ComponentVersion, request: &Request) -> bool {
    version.descriptor.component.artifacts().any(|artifact| {
        let is_wanted = match (artifact.kind, request.copy) {
            (ElementKind::Source, _) => request.copy_sources,
            (_, CopyMode::AllResources) => true,
            (_, CopyMode::LocalResources) => artifact.is_local,
            (_, CopyMode::LocalBlob) => false,
        };
        let is_elsewhere = !matches!(
            Access::of(artifact.access),
            Access::None
                | Access::Other
                | Access::LocalBlob { .. }
                | Access::LocalOciBlob { .. }
                | Access::RelativeOci { .. }
        );
        is_wanted && is_elsewhere
    })
}
