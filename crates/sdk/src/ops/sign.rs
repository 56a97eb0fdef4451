//! `sign`: signatures over component versions, and over everything they refer to.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use ocm_model::descriptor::Signature;
use ocm_model::{Descriptor, DigestSpec, TypedObject};
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_signing::{SignedDigest, Signer};
use schemars::JsonSchema;
use serde::Serialize;

use super::{get, hash};
use crate::plugins::PluginSigner;
use crate::select;
use crate::trust::complete::{Completion, Reach};
use crate::trust::node::Node;
use crate::trust::walk::{Keep, Walker};
use crate::trust::{content, oldest_first, replace, store};
use crate::{Context, Error, Kind, Result};

pub use super::visit::Visit;
pub use crate::trust::timestamp::Timestamping;

/// Versions that were read, with the descriptors that replace theirs.
type Changes = Vec<(Arc<ComponentVersion>, Descriptor)>;

/// Resources that are read at the same time.
const AT_ONCE: usize = 8;

/// Whoever signs for a specification whose type is not built in: the plugin that offers it, which is looked for when there is
/// something to sign.
pub fn plugin_signer(context: &Context, name: &str, specification: &TypedObject) -> Box<dyn Signer> {
    let (name, specification) = (name.to_owned(), specification.clone());
    Box::new(PluginSigner { context: context.clone(), name, specification })
}

/// Signs component versions.
///
/// Digests that the descriptor does not record are computed, of resources from their content, of references from the versions
/// they lead to, and stored with the signature: what is signed covers everything. Recorded digests of references are compared
/// with those versions. Nothing is written unless everything was signed.
///
/// # Errors
/// [`Kind::Usage`] for an unknown algorithm or a key that cannot be used, [`Kind::Conflict`] if there is a signature of this name,
/// [`Kind::Verification`] if a referenced version or content is another one than the descriptor records.
pub async fn run(context: &Context, request: &Request, signer: &dyn Signer) -> Result<Report> {
    let (algorithm, hash) = hash::algorithms(&request.normalisation, &request.hash)?;
    let selected = oldest_first(select::select(context, &request.versions).await?);
    if let (true, [first, _, ..]) = (request.exactly_one, selected.as_slice()) {
        let message = format!("{}: no version was named, and there are {}", first.component, selected.len());
        return Err(
            Error::usage(message).hint("name the version that is to be signed: <repository>//<component>:<version>")
        );
    }
    let lookup = select::lookup(context, &selected, &request.versions.lookup).await?;
    let mut report = Report::default();
    let mut changes: Vec<(ComponentRepository, Changes)> = Vec::new();
    let walker = Walker::new(&lookup, Keep::Documents);
    let mut done = HashSet::new();
    for one in &selected {
        let written = Some(&one.repository);
        let completion =
            Completion { context, lookup: &lookup, written, reach: Reach::Everywhere, done: Mutex::default() };
        let version = completion.one(one.read().await?).await?;
        lookup.remember(&version);
        // Whoever asks for content gets the digests that the v1 program signs: computed wherever they are not recorded.
        if request.versions.recursive || request.content {
            let written = written.filter(|_| request.versions.recursive);
            Completion { written, ..completion }.references(&version).await?;
        }
        let root = walker
            .visit(&version, algorithm, hash)
            .await
            .map_err(|error| error.during(format!("signing {version}")))?;
        if request.content {
            for node in root.all() {
                let original = &node.document()?.version;
                content::check_recorded(context, original, AT_ONCE).await?;
            }
        }
        let mut signed = Vec::new();
        let nodes = if request.versions.recursive { root.all() } else { vec![root.clone()] };
        for node in nodes {
            let document = node.document()?;
            if !Arc::ptr_eq(&node, &root) && !store::is_in(&document.version, &one.repository) {
                let place = &node.place;
                context.observer().warned(&format!(
                    "{node}: is not signed, because it is in {place}; its digest is covered by the signature of {version}",
                ));
                continue;
            }
            // Two places may have a copy each, and both are to be signed.
            if !done.insert((node.place.clone(), node.to_string())) {
                continue;
            }
            let (descriptor, entry) = sign(context, &node, request, signer).await?;
            signed.push((document.version.clone(), descriptor));
            report.versions.push(entry);
        }
        if let Some(entry) = report.versions.last_mut() {
            entry.visit = Some(Visit::of(&root)?);
        }
        match changes.iter_mut().find(|(repository, _)| repository.address() == one.repository.address()) {
            Some((_, list)) => list.extend(signed),
            None => changes.push((one.repository.clone(), signed)),
        }
    }
    if !request.dry_run {
        for (repository, versions) in changes {
            replace::replace(context, &repository, versions).await?;
        }
    }
    Ok(report)
}

async fn sign(
    context: &Context,
    node: &Arc<Node>,
    request: &Request,
    signer: &dyn Signer,
) -> Result<(Descriptor, Signed)> {
    let document = node.document()?;
    let version = &document.version;
    let name = request.signature.as_str();
    let existing = version.descriptor.signatures.iter().position(|signature| signature.name == name);
    if existing.is_some() && !request.force {
        return Err(Error::new(Kind::Conflict, format!("{version}: signature {name:?} already exists"))
            .hint("--force replaces it, --signature gives the new one another name"));
    }
    store::check_signatures_but(document, document.complete(), name)?;
    let digest = SignedDigest::new(&node.digest)?;
    let value = signer.sign(&digest).await.map_err(|error| Error::from(error).during(format!("signing {version}")))?;
    let timestamp = match &request.timestamping {
        Some(timestamping) => Some(timestamping.stamp(context, &digest).await?),
        None => None,
    };
    let signature = Signature {
        name: name.to_owned(),
        digest: node.digest.clone(),
        signature: value,
        timestamp,
        ..Signature::default()
    };
    let mut descriptor = document.complete().clone();
    match existing {
        Some(position) => descriptor.signatures[position] = signature.clone(),
        None => descriptor.signatures.push(signature.clone()),
    }
    let signed = Signed {
        component: version.name().to_owned(),
        version: version.version().to_owned(),
        digest: node.digest.clone(),
        signature,
        visit: None,
    };
    Ok((descriptor, signed))
}

/// Which component versions to sign, and how.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Request {
    /// Which component versions; `recursive` also signs what they refer to.
    pub versions: get::Request,
    /// Name of the signature.
    pub signature: String,
    /// Normalisation of the digest.
    pub normalisation: String,
    /// Hash of the digest.
    pub hash: String,
    /// Whether a reference without version has to mean one version.
    pub exactly_one: bool,
    /// Replace a signature of the same name.
    pub force: bool,
    /// Sign, and store nothing.
    pub dry_run: bool,
    /// Compare the content of all resources, also of referenced versions, with their digests first.
    pub content: bool,
    /// Whom to ask for the time, which is stored with the signature.
    pub timestamping: Option<Timestamping>,
}

/// What was signed.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Referenced versions before those that refer to them.
    pub versions: Vec<Signed>,
}

/// One version that was signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Signed {
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// What was signed.
    pub digest: DigestSpec,
    /// The signature, as it is stored.
    pub signature: Signature,
    /// What the digest was made of, for a version that was asked for.
    #[serde(skip)]
    pub visit: Option<Visit>,
}
