use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use ocm_blob::Digest;
use ocm_oci::reference::referrers_tag;
use ocm_oci::{Descriptor, Document, Error, ImageIndex, Manifest, media_type};

use crate::Result;
use crate::ctf::batch::Referral;
use crate::ctf::index::{Change, Index};

/// Reads a list. The error is a reason without a subject.
pub(crate) fn parse(bytes: &[u8]) -> Result<ImageIndex, String> {
    serde_json::from_slice(bytes).map_err(|error| format!("is not a valid list of referrers: {error}"))
}

/// How a manifest is listed: with its artifact type and its annotations.
pub(crate) fn row(manifest: &Manifest, document: &Document) -> Descriptor {
    let mut row = manifest.descriptor();
    row.artifact_type = document.artifact_type().map(str::to_owned);
    row.annotations = document.annotations().cloned();
    row
}

/// Adds or removes an entry of a list.
pub(crate) fn apply(list: &mut Vec<Descriptor>, referral: &Referral) {
    list.retain(|entry| entry.digest != referral.referrer.digest);
    if referral.present {
        list.push(referral.referrer.clone());
    }
}

/// What became of the lists.
#[derive(Default)]
pub(crate) struct Updated {
    /// Lists that are to be stored.
    pub(crate) lists: Vec<Manifest>,
    /// Lists that nobody needs any more, unless the index still names them.
    pub(crate) replaced: Vec<Digest>,
}

/// The stored lists that referrals are about.
pub(crate) fn lists(index: &Index, referrals: &[Referral]) -> Vec<Digest> {
    let list = |referral: &Referral| {
        index.repository(&referral.repository)?.tagged(&referrers_tag(&referral.subject)).cloned()
    };
    referrals.iter().filter_map(list).collect()
}

/// Brings the lists up to date, given the content of the stored ones. They are read anew at every commit, so that no
/// entry of another writer is lost.
pub(crate) fn update(index: &mut Index, referrals: &[Referral], stored: &HashMap<Digest, Bytes>) -> Result<Updated> {
    let mut by_subject: BTreeMap<(&str, &Digest), Vec<&Referral>> = BTreeMap::new();
    for referral in referrals {
        by_subject.entry((&referral.repository, &referral.subject)).or_default().push(referral);
    }
    let mut updated = Updated::default();
    for ((repository, subject), referrals) in by_subject {
        let tag = referrers_tag(subject);
        let old = index.repository(repository).and_then(|rows| rows.tagged(&tag)).cloned();
        let mut list = match old.as_ref().and_then(|old| stored.get(old)) {
            Some(bytes) => parse(bytes).map_err(|reason| Error::invalid(format!("{repository}:{tag}"), reason))?,
            None => ImageIndex::empty(),
        };
        for referral in referrals {
            apply(&mut list.manifests, referral);
        }
        let manifest = Manifest::write(&list, media_type::INDEX)?;
        if old.as_ref() == Some(manifest.digest()) {
            continue;
        }
        if let Some(digest) = old {
            index.apply(&Change::RemoveManifest { repository: repository.to_owned(), digest: digest.clone() });
            updated.replaced.push(digest);
        }
        if !list.manifests.is_empty() {
            index.apply(&Change::Put {
                repository: repository.to_owned(),
                tag: Some(tag),
                digest: manifest.digest().clone(),
                media_type: Some(media_type::INDEX.to_owned()),
            });
            updated.lists.push(manifest);
        }
    }
    Ok(updated)
}
