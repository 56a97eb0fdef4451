//! `verify`: signatures of component versions, what these refer to, and the content of their resources.

mod report;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use futures_util::{StreamExt as _, stream};
use ocm_model::descriptor::Signature;
use ocm_model::normalise::Algorithm;
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_signing::{Policy, SignedDigest, Verified};

use super::get;
use super::keys::Keys;
use crate::lookup::Lookup;
use crate::select;
use crate::trust::complete::{Completion, Reach};
use crate::trust::node::Node;
use crate::trust::timestamp::Word;
use crate::trust::variant::{self, Variant};
use crate::trust::walk::{Keep, Walker};
use crate::trust::{content, explain, oldest_first, references};
use crate::{Context, Error, Kind, Result, plugins};

pub use self::report::{Failure, Report, SignatureReport, VersionReport};
pub use super::visit::Visit;
pub use crate::trust::references::{Followed, Outcome};

/// Most warnings about one signature: a tree may have thousands of versions.
const MOST_WARNINGS: usize = 20;

/// Most versions whose content is not right that are told of.
const MOST_FAILURES: usize = 20;

/// Verifies component versions. What fails is in the report, version by version: ask [`Report::error`].
///
/// # Errors
/// Nothing could be selected.
pub async fn run(context: &Context, request: &Request, keys: &Keys) -> Result<Report> {
    let selected = oldest_first(select::select(context, &request.versions).await?);
    let lookup = select::lookup(context, &selected, &request.versions.lookup).await?;
    let copies = select::named(context, &request.versions.lookup).await?;
    let walker = Walker::new(&lookup, if request.visits { Keep::Documents } else { Keep::Digests });
    let work = stream::iter(&selected).map(async |one| {
        let version = match one.read().await {
            Ok(version) => version,
            Err(error) => return VersionReport::failed(&one.component, &one.version, &error),
        };
        lookup.remember(&version);
        judge(context, request, keys, &Found { version, walker: &walker, lookup: &lookup, copies: &copies }).await
    });
    let versions = work.buffered(request.at_once.max(1)).collect().await;
    Ok(Report { versions })
}

/// What has to be right before a verb does anything.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// What is asked of signatures; its component versions are those of the verb.
    pub request: Request,
    /// Keys and roots.
    pub keys: Keys,
}

impl Gate {
    /// Verifies component versions that were read already, with what they refer to.
    ///
    /// # Errors
    /// What is wrong; [`Kind::Verification`] unless something could not be read at all.
    pub(crate) async fn admit(
        &self,
        context: &Context,
        versions: &[Arc<ComponentVersion>],
        lookup: &Lookup,
        recursion: Recursion,
    ) -> Result<()> {
        // The verb finds in `lookup` what was verified here: a place could answer differently when it is asked again.
        let walker = Walker::new(lookup, Keep::Documents);
        let work = stream::iter(versions).map(async |version| {
            let found = Found { version: version.clone(), walker: &walker, lookup, copies: &[] };
            judge(context, &self.request, &self.keys, &found).await
        });
        let versions: Vec<VersionReport> = work.buffered(self.request.at_once.max(1)).collect().await;
        for warning in versions.iter().flat_map(|version| &version.warnings) {
            context.observer().warned(warning);
        }
        let open = versions.iter().find_map(|version| Some((version, version.open.first()?)));
        if let (Recursion::References, Some((version, open))) = (recursion, open)
            && version.verified
        {
            let reason = "its signature does not cover what its references lead to, whose digests are not recorded";
            return Err(Error::new(Kind::Verification, format!("{open}: {reason}"))
                .hint("leave the references behind, or sign it again: that records their digests"));
        }
        Report { versions }.error().map_or(Ok(()), Err)
    }
}

/// What follows a version that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recursion {
    /// Nothing.
    Alone,
    /// What it refers to.
    References,
}

impl From<bool> for Recursion {
    fn from(recursive: bool) -> Self {
        if recursive { Self::References } else { Self::Alone }
    }
}

/// The versions of a tree of which only the names of references are covered.
fn open_references(made_of: Variant, root: &Arc<Node>) -> Vec<String> {
    let is_open = |variant: Variant| variant == Variant::AsStored;
    let mut open: Vec<String> = is_open(made_of).then(|| root.to_string()).into_iter().collect();
    for node in root.all() {
        let edges = node.references.iter().filter(|edge| is_open(edge.made_of));
        open.extend(edges.map(|edge| edge.node.to_string()));
    }
    open
}

struct Found<'a> {
    version: Arc<ComponentVersion>,
    walker: &'a Walker<'a>,
    lookup: &'a Lookup,
    /// Where to look for other copies when something is wrong.
    copies: &'a [ComponentRepository],
}

async fn judge(context: &Context, request: &Request, keys: &Keys, found: &Found<'_>) -> VersionReport {
    let version = &found.version;
    let mut report = VersionReport {
        component: version.name().to_owned(),
        version: version.version().to_owned(),
        ..VersionReport::default()
    };
    match verify(context, request, keys, found, &mut report).await {
        Ok(()) => report.verified = report.failures.is_empty() && !report.signatures.is_empty(),
        Err(error) => report.fail(&error, None),
    }
    report
}

async fn verify(
    context: &Context,
    request: &Request,
    keys: &Keys,
    found: &Found<'_>,
    report: &mut VersionReport,
) -> Result<()> {
    let version = &found.version;
    let signatures = wanted(version, request, report)?;
    let asked = |signature: &&Signature| signatures.iter().any(|one| one.name == signature.name);
    let ignored = version.descriptor.signatures.iter().filter(|signature| !asked(signature));
    report.ignored_signatures = ignored.map(|signature| signature.name.clone()).collect();
    let (mut root, mut walked) = (None, None);
    for signature in signatures {
        let judged = match node_of(context, request, found, signature).await {
            Ok((node, made_of)) => {
                walked = Some(node.clone());
                one(context, request, keys, signature, made_of).await.map(|entry| (entry, node))
            }
            Err(error) => Err(error),
        };
        match judged {
            Ok((entry, node)) => {
                report.warn(warnings(&entry, &node)?);
                let open = open_references(entry.made_of, &node);
                // One signature that covers everything is enough.
                if report.signatures.is_empty() || open.is_empty() {
                    report.open = open;
                }
                report.signatures.push(entry);
                root = Some(node);
            }
            Err(error) => {
                let name = &signature.name;
                report.fail(&error.during(format!("{version}: signature {name:?}")), Some(name));
            }
        }
    }
    report.followed = match walked {
        Some(node) => references::walked(&node),
        None if request.alone => Vec::new(),
        None => references::survey(version, found.walker, found.lookup).await,
    };
    let Some(root) = root else { return Ok(()) };
    report.visit = request.visits.then(|| Visit::of(&root)).transpose()?;
    let nodes = root.all();
    report.references = nodes.len() - 1;
    let all = nodes.iter().map(|node| node.resources).sum::<usize>();
    if !request.resources {
        report.resources_unread = all;
        return Ok(());
    }
    for node in nodes {
        let version = found.walker.version(&node).await?;
        match content::check(context, &version, request.at_once).await {
            Ok(checked) => report.resources += checked.right,
            // What is wrong with one version says nothing about the next; a place that does not answer is asked once.
            Err(error) if error.kind() == Kind::Verification && report.failures.len() < MOST_FAILURES => {
                report.fail(&error, None);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The signatures that are asked for: the named ones and those that the policy wants, or else all. One that is named and not there
/// is a failure, and the others are looked at all the same.
fn wanted<'a>(
    version: &'a ComponentVersion,
    request: &Request,
    report: &mut VersionReport,
) -> Result<Vec<&'a Signature>> {
    let all = &version.descriptor.signatures;
    let names: BTreeSet<&String> = request.signatures.iter().chain(&request.policy.required).collect();
    if all.is_empty() {
        return Err(Error::new(Kind::Verification, format!("{version}: no signature found to verify")));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = all.iter().find(|signature| !seen.insert(&signature.name)) {
        return Err(Error::new(
            Kind::Verification,
            format!("{version}: has two signatures of the name {:?}", twice.name),
        ));
    }
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let mut found = Vec::with_capacity(names.len());
    for name in names {
        match all.iter().find(|signature| signature.name == *name) {
            Some(signature) => found.push(signature),
            None => report.fail(&not_found(version, name, all), Some(name)),
        }
    }
    Ok(found)
}

fn not_found(version: &ComponentVersion, name: &str, all: &[Signature]) -> Error {
    let known: Vec<_> = all.iter().map(|signature| signature.name.as_str()).collect();
    Error::new(Kind::Verification, format!("{version}: signature {name:?} not found; there is {}", known.join(", ")))
}

/// What a signature is over: the version with everything it refers to.
async fn node_of(
    context: &Context,
    request: &Request,
    found: &Found<'_>,
    signature: &Signature,
) -> Result<(Arc<Node>, Variant)> {
    request.policy.check(signature).map_err(|error| Error::new(Kind::Verification, error))?;
    match compare(request, found, signature).await {
        Ok(found) => Ok(found),
        // The v1 program computes digests that are not recorded whenever it needs them, and signs them.
        Err(error) => compare_completed(context, request, found, signature).await.ok_or(error),
    }
}

async fn one(
    context: &Context,
    request: &Request,
    keys: &Keys,
    signature: &Signature,
    made_of: Variant,
) -> Result<SignatureReport> {
    let refuse = |error: ocm_signing::Error| Error::new(Kind::Verification, error);
    let digest = SignedDigest::new(&signature.digest).map_err(refuse)?;
    let value = &signature.signature;
    let word = keys.when(&digest, signature, request.policy.minimum_bits)?;
    let verified = match keys.foreign_verifier(&signature.name)? {
        Some(specification) => plugins::verify(context, signature, &specification).await?,
        None => judge_here(request, keys, signature, &digest, &word).await?,
    };
    Ok(SignatureReport {
        name: signature.name.clone(),
        digest: signature.digest.clone(),
        algorithm: value.algorithm.clone(),
        made_of,
        evidence: verified,
        timestamp: word.stamped,
        timestamp_unjudged: word.unjudged,
    })
}

/// Whether a signature is over the digest of the version as it is, and what that digest was made of.
async fn compare(request: &Request, found: &Found<'_>, signature: &Signature) -> Result<(Arc<Node>, Variant)> {
    let (algorithm, hash) = variant::algorithms(&signature.digest)?;
    let node = if request.alone {
        Walker::alone(&found.version, algorithm, hash)?
    } else {
        found.walker.visit(&found.version, algorithm, hash).await?
    };
    if let Some(made_of) = node.variant(&signature.digest)? {
        return Ok((node, made_of));
    }
    let (expected, actual) = (&signature.digest.value, &node.digest.value);
    let mut reason = format!("is over digest {expected}, but the component version has {actual} ({algorithm})");
    match explain::difference(node.document()?, &signature.digest, found.copies).await {
        Some(difference) => reason = format!("{reason}: {difference}"),
        None if found.copies.is_empty() => {
            reason.push_str("; with --lookup REPOSITORY it is compared with the copy there");
        }
        None => {}
    }
    Err(Error::new(Kind::Verification, reason))
}

/// The same with digests of resources that are not recorded anywhere, from their content as it is; `None` if there are none, or if
/// that is not what was signed either. The lookup keeps them, for whoever moves the content afterwards.
async fn compare_completed(
    context: &Context,
    request: &Request,
    found: &Found<'_>,
    signature: &Signature,
) -> Option<(Arc<Node>, Variant)> {
    if request.alone {
        return None;
    }
    let lookup = found.lookup.afresh();
    let completion =
        Completion { context, lookup: &lookup, written: None, reach: Reach::Everywhere, done: Mutex::default() };
    let version = completion.one(found.version.clone()).await.ok()?;
    lookup.remember(&version);
    if !completion.references(&version).await.ok()? && Arc::ptr_eq(&version, &found.version) {
        return None;
    }
    let (algorithm, hash) = variant::algorithms(&signature.digest).ok()?;
    let node = Walker::new(&lookup, Keep::Documents).visit(&version, algorithm, hash).await.ok()?;
    // That references are not covered matters more than that resources are computed: whoever takes a recorded digest away must
    // not open the way for what they lead to.
    let made_of = match node.variant(&signature.digest).ok()?? {
        Variant::AsStored => Variant::AsStored,
        _ => Variant::Computed,
    };
    Some((node, made_of))
}

/// Judges a signature with what is built in.
async fn judge_here(
    request: &Request,
    keys: &Keys,
    signature: &Signature,
    digest: &SignedDigest,
    word: &Word,
) -> Result<Verified> {
    let verifiers = keys.verifiers(signature, request.policy.minimum_bits).await?;
    let value = &signature.signature;
    let Some(verifier) = verifiers.iter().find(|verifier| verifier.accepts(value)) else {
        let what = if verifiers.is_empty() {
            format!("no key or root certificate is known for it (algorithm {})", value.algorithm)
        } else {
            format!("unsupported media type {:?}", value.media_type)
        };
        return Err(Error::new(Kind::Verification, what)
            .hint("give its key with --public-key, or choose among several signatures with --signature NAME"));
    };
    let at = request.at.unwrap_or_else(|| word.time());
    verifier.verify(digest, value, at).map_err(|error| {
        let untrusted = error.kind() == ocm_signing::Kind::Untrusted;
        let error = Error::new(Kind::Verification, error);
        if word.unjudged.is_none() || !untrusted {
            return error;
        }
        error.hint("the signature has a timestamp, but nothing says whose word counts: --tsa-cert FILE names the root of its authority")
    })
}

/// What a right signature does not cover, of the version and of everything it refers to.
fn warnings(entry: &SignatureReport, root: &Arc<Node>) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    let mut warn = |node: &Node, what: String| warnings.push(format!("{node}: signature {:?} {what}", entry.name));
    if let Some(what) = not_covered(entry.made_of) {
        warn(root, what.into());
    }
    if let Some(reason) = &entry.timestamp_unjudged {
        let what =
            format!("has a timestamp that says nothing ({reason}); --tsa-cert FILE names the root of its authority");
        warn(root, what);
    }
    if root.references.is_empty() {
        let references = &root.document()?.version.descriptor.component.component_references;
        for reference in references.iter().filter(|reference| reference.recorded_digest().is_none()) {
            let what =
                format!("does not cover what reference {} leads to, which records no digest", reference.identity());
            warn(root, what);
        }
    }
    // The version itself first, then what it refers to.
    for node in root.all().iter().rev() {
        if node.digest.normalisation_algorithm == Algorithm::V1.name() {
            warn(node, "rests on the normalisation jsonNormalisation/v1, which does not cover sources".into());
        }
        for resource in &node.uncovered {
            warn(node, format!("does not cover the content of resource {resource}, which records no digest"));
        }
        for edge in &node.references {
            if let Some(what) = not_covered(edge.made_of) {
                warn(&edge.node, format!("rests on a reference of {node}, whose digest {what}"));
            }
        }
    }
    if warnings.len() > MOST_WARNINGS {
        let rest = warnings.len() - MOST_WARNINGS;
        warnings.truncate(MOST_WARNINGS);
        warnings.push(format!("{root}: signature {:?}: {rest} more warning(s) of this kind are left out", entry.name));
    }
    Ok(warnings)
}

/// What a digest that was made in this way leaves out.
fn not_covered(made_of: Variant) -> Option<&'static str> {
    match made_of {
        Variant::Complete => None,
        Variant::AsStored => Some("does not cover the content of references, whose digests are not recorded"),
        Variant::GoV2 => {
            Some("is over what the Go program of OCM v2 keeps: versions of labels, for instance, are not covered")
        }
        Variant::WithoutNulls => Some("is over the descriptor without members that are null"),
        Variant::Computed => {
            Some("covers digests of resources that are recorded nowhere: the content as it is now has them")
        }
    }
}

/// Which component versions to verify, and what is asked of them.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Which component versions.
    pub versions: get::Request,
    /// Names of the signatures that are verified, beside those that the policy requires; if it requires none, empty means all
    /// there are.
    pub signatures: Vec<String>,
    /// What else is asked of signatures.
    pub policy: Policy,
    /// Compare the content of all resources with their digests, also of referenced versions.
    pub resources: bool,
    /// Tell what digests were made of ([`VersionReport::visit`]): that keeps all descriptors of a tree in memory.
    pub visits: bool,
    /// Leave referenced versions alone: only what the descriptor itself records counts.
    pub alone: bool,
    /// The time as of which certificates are judged; the default is the one of a verified timestamp, else now.
    pub at: Option<SystemTime>,
    /// How much is done at the same time; one at least.
    pub at_once: usize,
}
