//! `check component-version`: whether everything that belongs to a component version is there.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use ocm_access::Content;
use ocm_access::relocation::{Opened, rebase};
use ocm_model::Reference;
use ocm_model::access::Access;
use ocm_model::descriptor::Artifact;
use ocm_oci::ImageReference;
use ocm_repository::ComponentVersion;
use ocm_repository::component::digest_like;
use ocm_transfer::Lookup as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::get;
use super::inventory::{archive_of, left_to_base};
pub use super::transfer::ElementKind;
use crate::lookup::Lookup;
use crate::presence::{self, Absence, Reading};
use crate::select::Place;
use crate::trust::complete::Reach;
use crate::trust::meant::Meant;
use crate::{Context, Result, select};

/// Looks up everything that belongs to component versions. No content is read but descriptors and manifests, unless the
/// request says so.
///
/// # Errors
/// [`crate::Kind::NotFound`] if a reference on the command line fits nothing. What is missing below is no error: it is
/// what the report is about.
pub async fn run(context: &Context, request: &Request) -> Result<Report> {
    let selected = select::select(context, &request.versions).await?;
    let reading = request.content.then(Reading::default);
    let (mut report, mut items) = (Report { complete: true, items: Vec::new() }, Vec::new());
    for Place { address, lookup } in select::places(context, &selected, &request.versions.lookup).await? {
        let mut roots = Vec::new();
        for (position, root) in selected.iter().enumerate().filter(|(_, root)| root.repository.address() == address) {
            let version = root.read().await?;
            lookup.remember(&version);
            roots.push((position, version));
        }
        let afresh = lookup.afresh();
        let meant = Meant::new(context, &lookup, &afresh, Reach::Stored);
        let mut work = Work { context, lookup: &lookup, meant, reading: reading.as_ref(), contents: HashMap::new() };
        for (position, root) in roots {
            items.push((position, work.check(&root, address.clone()).await));
        }
    }
    items.sort_by_key(|(position, _)| *position);
    for (_, mut item) in items {
        let is_wrong = |external: &External| match external.kind {
            ElementKind::Resource => request.local_resources,
            ElementKind::Source => request.local_sources,
        };
        item.complete = item.problems.is_empty() && !item.external.iter().any(is_wrong);
        report.complete &= item.complete;
        report.items.push(item);
    }
    Ok(report)
}

struct Work<'a> {
    context: &'a Context,
    lookup: &'a Lookup,
    meant: Meant<'a>,
    /// Whether content is read, too.
    reading: Option<&'a Reading>,
    /// What was found out about the content of component versions, each looked at once.
    contents: HashMap<(String, String), Contents>,
}

/// What is wrong with the content of one component version, and what it has elsewhere.
#[derive(Clone, Default)]
struct Contents {
    problems: Vec<Problem>,
    external: Vec<External>,
}

impl Work<'_> {
    /// Goes through everything that a component version refers to, nearest first.
    async fn check(&mut self, root: &Arc<ComponentVersion>, repository: String) -> Item {
        let mut item = Item {
            component: root.name().to_owned(),
            version: root.version().to_owned(),
            repository,
            complete: false,
            checked: 0,
            platforms: ocm_transfer::chosen_platforms(root),
            problems: Vec::new(),
            external: Vec::new(),
        };
        let mut seen = HashSet::from([key(root)]);
        let mut open = VecDeque::from([(root.clone(), vec![root.to_string()])]);
        while let Some((version, path)) = open.pop_front() {
            item.checked += 1;
            let contents = self.contents(&version).await;
            item.problems
                .extend(contents.problems.into_iter().map(|problem| Problem { path: path.clone(), ..problem }));
            item.external.extend(contents.external.into_iter().map(|found| External { path: path.clone(), ..found }));
            for reference in &version.descriptor.component.component_references {
                let name = format!("{}:{}", reference.component_name, reference.version);
                let problem = |kind, reason| Problem {
                    path: path.clone(),
                    kind,
                    element: format!("reference {}", reference.identity()),
                    missing: Some(name.clone()),
                    reason,
                };
                match self.lookup.get(&reference.component_name, &reference.version).await {
                    Ok(found) => {
                        // Two references to one version may record different digests.
                        if let Some(reason) = other_digest(&found, reference, &self.meant).await {
                            item.problems.push(problem(ProblemKind::WrongDigest, reason));
                        } else if seen.insert(key(&found)) {
                            let path = path.iter().cloned().chain([name]).collect();
                            open.push_back((found, path));
                        }
                    }
                    Err(error) if error.kind() == ocm_oci::Kind::NotFound => {
                        item.problems.push(problem(ProblemKind::MissingReference, error.to_string()));
                    }
                    Err(error) => item.problems.push(problem(ProblemKind::Unreachable, error.to_string())),
                }
            }
        }
        item
    }

    async fn contents(&mut self, version: &Arc<ComponentVersion>) -> Contents {
        if let Some(known) = self.contents.get(&key(version)) {
            return known.clone();
        }
        let mut contents = Contents::default();
        for artifact in version.descriptor.component.artifacts() {
            self.element(version, &artifact, &mut contents).await;
        }
        self.contents.insert(key(version), contents.clone());
        contents
    }

    async fn element(&self, version: &Arc<ComponentVersion>, element: &Artifact<'_>, contents: &mut Contents) {
        let address = match Access::of(element.access) {
            Access::None => return,
            Access::LocalBlob { .. }
            | Access::LocalOciBlob { .. }
            | Access::LocalFilesystemBlob { .. }
            | Access::RelativeOci { .. } => {
                contents.problems.extend(self.absences(version, element).await);
                return;
            }
            Access::OciImage { image_reference } => Some(image_reference),
            Access::OciLayer { reference, .. } => Some(reference),
            Access::Helm { repository, .. } | Access::GitHub { repository, .. } | Access::Git { repository, .. } => {
                Some(repository)
            }
            Access::Wget { url, .. } => Some(url),
            _ => None,
        };
        // What lies in the same registry is there for everybody who got this far; other hosts are not contacted.
        let mut present = None;
        if address.as_deref().is_some_and(|address| is_here(version, address, self.context)) {
            let problems = self.absences(version, element).await;
            present = Some(problems.is_empty());
            contents.problems.extend(problems);
        }
        contents.external.push(External {
            path: Vec::new(),
            kind: element.kind,
            identity: element.identity().0,
            access_type: element.access.kind.clone(),
            // Signed addresses let everybody in who reads them.
            address: address.map(ocm_http::redacted),
            present,
        });
    }

    /// What is wrong with content that should be in the repository.
    async fn absences(&self, version: &Arc<ComponentVersion>, element: &Artifact<'_>) -> Vec<Problem> {
        let problem = |kind, reason| Problem {
            path: Vec::new(),
            kind,
            element: format!("{} {}", element.kind.noun(), element.identity()),
            missing: None,
            reason,
        };
        let of_error = |error: ocm_oci::Error| {
            let kind = match error.kind() {
                ocm_oci::Kind::NotFound => ProblemKind::MissingContent,
                ocm_oci::Kind::Invalid => ProblemKind::WrongDigest,
                _ => ProblemKind::Unreachable,
            };
            vec![problem(kind, error.to_string())]
        };
        let content = match ocm_access::open(element.access, version, self.context).await {
            Ok(Some(content)) => content,
            Ok(None) => return Vec::new(),
            Err(error) => return of_error(error),
        };
        let content = match ocm_access::check(content, element.digest).await {
            Ok(content) => content,
            Err(error) => return of_error(error),
        };
        let absences = match &content {
            Content::Image { source, root } => presence::graph(version, source, root, self.reading).await,
            // Opening it has found it; where it lies beside the descriptor, its size is known from the manifest.
            Content::Blob { .. } => match version.local(element.access).await {
                Ok(local) => presence::local(version, &local, self.reading).await,
                Err(_) => Vec::new(),
            },
        };
        let base = archive_of(self.context, version.content().as_ref()).and_then(|_| left_to_base(self.context));
        let note = base.map(|note| format!("; {note}")).unwrap_or_default();
        let absences = absences.into_iter().map(|absence| match absence {
            Absence::Missing(reason) => problem(ProblemKind::MissingContent, reason + &note),
            Absence::Size(reason) => problem(ProblemKind::WrongSize, reason),
            Absence::Damaged(reason) => problem(ProblemKind::WrongDigest, reason),
            Absence::Sparse(reason) => problem(ProblemKind::Sparse, reason),
            Absence::Unknown(reason) => problem(ProblemKind::Unreachable, reason),
        });
        absences.collect()
    }
}

fn key(version: &ComponentVersion) -> (String, String) {
    (version.name().to_owned(), version.version().to_owned())
}

/// How a component version differs from the one that was referred to.
async fn other_digest(found: &Arc<ComponentVersion>, reference: &Reference, meant: &Meant<'_>) -> Option<String> {
    let recorded = reference.digest.as_ref().filter(|digest| !digest.value.is_empty() && !digest.is_excluded())?;
    match digest_like(&found.descriptor, recorded) {
        Ok(actual) if actual.value.eq_ignore_ascii_case(&recorded.value) => None,
        Ok(actual) => match meant.is(found, recorded).await {
            Ok(true) => None,
            Ok(false) => Some(format!(
                "{found} has digest {} ({}), but the reference records {}",
                actual.value, recorded.normalisation_algorithm, recorded.value
            )),
            Err(error) => Some(format!("whether {found} is the one that is meant cannot be told: {error}")),
        },
        Err(error) => Some(error.to_string()),
    }
}

/// Whether an image lies in the registry of the component version, under its own address or, rebased, under a former one.
fn is_here(version: &ComponentVersion, address: &str, context: &Context) -> bool {
    // Charts of registries without TLS are written `oci+http://`, images `http://`.
    let address = address.strip_prefix("oci+").unwrap_or(address);
    let (Some(opened), Ok(reference)) = (Opened::of(version), address.parse::<ImageReference>()) else { return false };
    let contexts = &version.descriptor.component.repository_contexts;
    let rebases = ocm_access::Sources::rebasing(context) == ocm_access::relocation::Rebasing::On;
    reference.endpoint().is_ok_and(|endpoint| opened.is_at(&endpoint))
        || rebases && !rebase(&reference, contexts, &opened).is_empty()
}

/// Which component versions to check, and what for.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Which component versions; everything they refer to is checked, whatever `recursive` says.
    pub versions: get::Request,
    /// Whether resources whose content lies elsewhere are a fault.
    pub local_resources: bool,
    /// Whether sources whose content lies elsewhere are a fault.
    pub local_sources: bool,
    /// Whether all content that lies with the component versions is read and compared with its digests.
    pub content: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether nothing is missing anywhere.
    pub complete: bool,
    /// One entry per component version that was asked for.
    pub items: Vec<Item>,
}

/// One component version with everything it refers to.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Component name.
    pub component: String,
    /// Version.
    pub version: String,
    /// Address of its repository.
    pub repository: String,
    /// Whether everything is there that has to be.
    pub complete: bool,
    /// How many component versions were looked at, itself among them.
    pub checked: usize,
    /// The platforms that it is limited to, as they were chosen when it was transferred; none if it is whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub platforms: Vec<String>,
    /// What is missing or wrong, nearest first.
    pub problems: Vec<Problem>,
    /// Elements whose content lies elsewhere.
    pub external: Vec<External>,
}

/// Something that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// The way to the component version that has the problem, `component:version` each, the root first.
    pub path: Vec<String>,
    /// What kind of problem.
    pub kind: ProblemKind,
    /// Which element has it: `reference name=lib,version=1.0.0`.
    pub element: String,
    /// The component version that is referred to, for references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// What is wrong, for a person.
    pub reason: String,
}

/// Kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProblemKind {
    /// A referenced component version is nowhere to be found.
    MissingReference,
    /// Content is not in the repository.
    MissingContent,
    /// Content or a referenced component version is not the one whose digest is recorded.
    WrongDigest,
    /// Content has another size than its manifest says.
    WrongSize,
    /// Platforms of an image were left out with `--platform` when it was transferred here; nothing is damaged.
    Sparse,
    /// It could not be found out.
    Unreachable,
}

/// An element whose content lies elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct External {
    /// The way to its component version, `component:version` each, the root first.
    pub path: Vec<String>,
    /// Resource or source.
    pub kind: ElementKind,
    /// Its identity.
    pub identity: BTreeMap<String, String>,
    /// Type of its access.
    pub access_type: String,
    /// Where its content is, as far as the access type is known.
    #[serde(rename = "access", skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Whether the content is there; absent where nobody was asked, because it lies with another host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
}
