//! `verify`: signatures of component versions, what these refer to, and the content of their resources.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::{StreamExt as _, stream};
use ocm_model::DigestSpec;
use ocm_model::descriptor::Signature;
use ocm_model::normalise::Algorithm;
use ocm_repository::{ComponentRepository, ComponentVersion};
use ocm_signing::{Policy, SignedDigest, Timestamped, Verified};
use schemars::JsonSchema;
use serde::Serialize;

use super::get;
use super::keys::Keys;
use crate::lookup::Lookup;
use crate::select;
use crate::trust::complete::Completion;
use crate::trust::node::Node;
use crate::trust::timestamp::Word;
use crate::trust::variant::{self, Variant};
use crate::trust::walk::{Keep, Walker};
use crate::trust::{content, explain, oldest_first};
use crate::{Context, Error, Kind, Result, plugins};

pub use super::visit::Visit;

/// Most warnings about one signature: a tree may have thousands of versions.
const MOST_WARNINGS: usize = 20;

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
        judge(
            context,
            request,
            keys,
            &Found { version, walker: &walker, lookup: &lookup, may_compute: true, copies: &copies },
        )
        .await
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
    ) -> Result<()> {
        // The verb finds in `lookup` what was verified here: a place could answer differently when it is asked again.
        let walker = Walker::new(lookup, Keep::Documents);
        let work = stream::iter(versions).map(async |version| {
            let found = Found { version: version.clone(), walker: &walker, lookup, may_compute: false, copies: &[] };
            judge(context, &self.request, &self.keys, &found).await
        });
        let versions: Vec<VersionReport> = work.buffered(self.request.at_once.max(1)).collect().await;
        for warning in versions.iter().flat_map(|version| &version.warnings) {
            context.observer().warned(warning);
        }
        Report { versions }.error().map_or(Ok(()), Err)
    }
}

struct Found<'a> {
    version: Arc<ComponentVersion>,
    walker: &'a Walker<'a>,
    lookup: &'a Lookup,
    /// Whether content may stand for digests that are not recorded. Not where content moves afterwards: nothing would say that it
    /// still is what was looked at.
    may_compute: bool,
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
        Err(error) => report.fail(&error),
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
    let mut root = None;
    for signature in wanted(version, request)? {
        match one(context, request, keys, found, signature).await {
            Ok((entry, node)) => {
                report.warn(warnings(&entry, &node)?);
                report.signatures.push(entry);
                root = Some(node);
            }
            Err(error) => report.fail(&error.during(format!("{version}: signature {:?}", signature.name))),
        }
    }
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
        let checked = content::check(context, &version, &request.scratch, request.at_once).await?;
        report.resources += checked.right;
    }
    Ok(())
}

/// The signatures that are asked for: the named ones and those that the policy wants, or else all.
fn wanted<'a>(version: &'a ComponentVersion, request: &Request) -> Result<Vec<&'a Signature>> {
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
    names
        .into_iter()
        .map(|name| all.iter().find(|signature| signature.name == *name).ok_or_else(|| not_found(version, name, all)))
        .collect()
}

fn not_found(version: &ComponentVersion, name: &str, all: &[Signature]) -> Error {
    let known: Vec<_> = all.iter().map(|signature| signature.name.as_str()).collect();
    Error::new(Kind::Verification, format!("{version}: signature {name:?} not found; there is {}", known.join(", ")))
}

async fn one(
    context: &Context,
    request: &Request,
    keys: &Keys,
    found: &Found<'_>,
    signature: &Signature,
) -> Result<(SignatureReport, Arc<Node>)> {
    let refuse = |error: ocm_signing::Error| Error::new(Kind::Verification, error);
    request.policy.check(signature).map_err(refuse)?;
    let (node, made_of) = match compare(request, found, signature).await {
        Ok(found) => found,
        // The v1 program computes digests that are not recorded whenever it needs them, and signs them.
        Err(error) => compare_completed(context, request, found, signature).await.ok_or(error)?,
    };
    let digest = SignedDigest::new(&signature.digest).map_err(refuse)?;
    let value = &signature.signature;
    let word = keys.when(&digest, signature, request.policy.minimum_bits)?;
    let verified = match keys.foreign_verifier(&signature.name)? {
        Some(specification) => plugins::verify(context, signature, &specification).await?,
        None => judge_here(request, keys, signature, &digest, &word)?,
    };
    let entry = SignatureReport {
        name: signature.name.clone(),
        digest: signature.digest.clone(),
        algorithm: value.algorithm.clone(),
        made_of,
        evidence: verified,
        timestamp: word.stamped,
        timestamp_unjudged: word.unjudged,
    };
    Ok((entry, node))
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
/// that is not what was signed either.
async fn compare_completed(
    context: &Context,
    request: &Request,
    found: &Found<'_>,
    signature: &Signature,
) -> Option<(Arc<Node>, Variant)> {
    if request.alone || !found.may_compute {
        return None;
    }
    let lookup = found.lookup.afresh();
    let completion = Completion { context, lookup: &lookup, scratch: &request.scratch, written: None };
    let version = completion.one(found.version.clone()).await.ok()?;
    lookup.remember(&version);
    if !completion.references(&version).await.ok()? && Arc::ptr_eq(&version, &found.version) {
        return None;
    }
    let (algorithm, hash) = variant::algorithms(&signature.digest).ok()?;
    let node = Walker::new(&lookup, Keep::Documents).visit(&version, algorithm, hash).await.ok()?;
    node.variant(&signature.digest).ok()??;
    Some((node, Variant::Computed))
}

/// Judges a signature with what is built in.
fn judge_here(
    request: &Request,
    keys: &Keys,
    signature: &Signature,
    digest: &SignedDigest,
    word: &Word,
) -> Result<Verified> {
    let verifiers = keys.verifiers(signature, request.policy.minimum_bits)?;
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
        let unknown = |digest: &Option<DigestSpec>| digest.as_ref().is_none_or(|digest| !digest.is_complete());
        let references = &root.document()?.version.descriptor.component.component_references;
        for reference in references.iter().filter(|reference| unknown(&reference.digest)) {
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
    /// Folder for temporary files.
    pub scratch: PathBuf,
}

/// What was verified, and what is wrong.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One entry per component version.
    pub versions: Vec<VersionReport>,
}

impl Report {
    /// What is wrong, as one error; `None` if everything that was asked for was verified.
    pub fn error(&self) -> Option<Error> {
        let failed: Vec<&VersionReport> = self.versions.iter().filter(|version| !version.verified).collect();
        let mut failures = failed.iter().flat_map(|version| &version.failures);
        let Some(first) = failures.next() else {
            let unverified = || failed.iter().map(|version| format!("{}:{}", version.component, version.version));
            let nothing = self.versions.is_empty().then(|| "no component version was verified".to_owned());
            let message = nothing.or_else(|| {
                (!failed.is_empty()).then(|| format!("not verified: {}", unverified().collect::<Vec<_>>().join(", ")))
            });
            return message.map(|message| Error::new(Kind::Verification, message));
        };
        let rest: Vec<&str> = failures.map(|failure| failure.message.as_str()).collect();
        let message = std::iter::once(first.message.as_str()).chain(rest).collect::<Vec<_>>().join("\n");
        let error = Error::new(first.kind, message);
        Some(first.hints.iter().fold(error, |error, hint| error.hint(hint.clone())))
    }
}

/// What was found out about one component version.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VersionReport {
    /// Name of the component.
    pub component: String,
    /// Its version.
    pub version: String,
    /// Whether all that was asked for is right, at least one signature among it.
    pub verified: bool,
    /// Signatures that are right.
    pub signatures: Vec<SignatureReport>,
    /// Referenced versions that are the ones that were signed.
    pub references: usize,
    /// Resources whose content is the one that was signed, also of referenced versions.
    pub resources: usize,
    /// Resources whose content was not read, because it was not asked for.
    pub resources_unread: usize,
    /// What is not covered by the signatures.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// What the digest was made of, if it was asked for.
    #[serde(skip)]
    pub visit: Option<Visit>,
}

impl VersionReport {
    fn failed(component: &str, version: &str, error: &Error) -> Self {
        let mut report = Self { component: component.to_owned(), version: version.to_owned(), ..Self::default() };
        // What was asked for is not there: that is another kind of failure than something wrong with it.
        let kind = error.kind();
        report.fail(error);
        report.failures.iter_mut().for_each(|failure| failure.kind = kind);
        report
    }

    fn fail(&mut self, error: &Error) {
        // What cannot be found cannot be verified.
        let kind = if error.kind() == Kind::NotFound { Kind::Verification } else { error.kind() };
        self.failures.push(Failure { kind, message: error.to_string(), hints: error.hints().to_vec() });
    }

    fn warn(&mut self, warnings: Vec<String>) {
        self.warnings.extend(warnings);
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of failure it is.
    #[schemars(with = "String")]
    pub kind: Kind,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// A signature that is right.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SignatureReport {
    /// Its name.
    pub name: String,
    /// What it is over.
    pub digest: DigestSpec,
    /// Its algorithm.
    pub algorithm: String,
    /// What the digest was made of.
    pub made_of: Variant,
    /// Why it counts.
    #[schemars(with = "serde_json::Value")]
    pub evidence: Verified,
    /// When it was made, at the latest, as an authority says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Value>")]
    pub timestamp: Option<Timestamped>,
    /// Why a timestamp that is there says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_unjudged: Option<String>,
}
