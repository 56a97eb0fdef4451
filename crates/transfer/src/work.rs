use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocm_model::TypedObject;
use ocm_oci::{Descriptor, Repository};
use ocm_repository::{ComponentRepository, NewVersion};

use crate::content::Content;
use crate::part::Part;
use crate::{ElementAction, ElementKind, ElementPlan, Error, Plan, VersionAction, VersionPlan};

/// Everything that a transfer means, found but not moved: what both the component versions of a request and a document
/// come down to, and what is carried out.
#[derive(Default)]
pub struct Prepared {
    pub(crate) targets: Vec<Target>,
    pub(crate) jobs: Vec<Job>,
    /// Referenced ones before those that refer to them, or in the order of the document.
    pub(crate) versions: Vec<Version>,
}

/// A repository that receives component versions.
pub(crate) struct Target {
    /// Tells targets apart.
    pub(crate) key: String,
    pub(crate) repository: ComponentRepository,
    /// Whether it could be opened; otherwise the repository is an empty one.
    pub(crate) is_open: bool,
    /// Why nothing goes there, while the other targets get what was asked for.
    pub(crate) failure: Option<Error>,
}

/// Content that has to be in a place.
pub(crate) struct Job {
    /// What it is about, for a person.
    pub(crate) name: String,
    pub(crate) element: ElementKind,
    /// The identity of the element, for errors.
    pub(crate) identity: String,
    /// Whose element it is, for errors: a component version or a node.
    pub(crate) owner: String,
    /// The access of the element afterwards; its local reference is empty if the digest shows only on the way.
    pub(crate) access: TypedObject,
    pub(crate) content: Content,
    /// Where it goes.
    pub(crate) place: Arc<dyn Repository>,
    /// Whether it is stored with its component version; otherwise it is an image with a name of its own.
    pub(crate) is_local: bool,
    /// The tag it gets.
    pub(crate) tag: Option<String>,
    /// Whether it is one more name of an image that is stored with its component version.
    pub(crate) is_extra: bool,
    /// What that tag was found to lead to; `None` if nobody has looked.
    pub(crate) found: Option<Resolved>,
    pub(crate) action: ElementAction,
    /// Whether a component version that is stored needs it.
    pub(crate) is_needed: bool,
    /// The targets whose component versions have it; none if no component version does.
    pub(crate) targets: Vec<usize>,
}

/// How long a look at a tag counts. Somebody else may set it meanwhile, which is noticed or not by chance however soon
/// before one looks: registries cannot compare and set. In a transfer that takes longer, one more request is nothing.
const FRESH: Duration = Duration::from_mins(1);

/// What a tag led to when somebody looked.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) there: Option<Descriptor>,
    pub(crate) at: Instant,
}

impl Resolved {
    pub(crate) fn now(there: Option<Descriptor>) -> Self {
        Self { there, at: Instant::now() }
    }

    pub(crate) fn is_fresh(&self) -> bool {
        self.at.elapsed() < FRESH
    }
}

impl Job {
    /// Whether its tag was found to lead to its image.
    pub(crate) fn is_named(&self) -> bool {
        let there = self.found.as_ref().and_then(|found| found.there.as_ref());
        self.content.root().is_some_and(|root| there.is_some_and(|there| there.digest == root.digest))
    }

    /// For errors.
    pub(crate) fn subject(&self) -> String {
        format!("{} {}", self.element.noun(), self.identity)
    }
}

/// A component version that has to be in a place.
pub(crate) struct Version {
    /// What it is about, for a person.
    pub(crate) name: String,
    /// Address of the repository it comes from; empty in a document.
    pub(crate) source: String,
    /// Position of its target.
    pub(crate) target: usize,
    pub(crate) new: NewVersion,
    /// What happens to it; `None` before it was compared with what the target has.
    pub(crate) action: Option<VersionAction>,
    /// How the one that the target has differs, if it is replaced or stays in spite of that.
    pub(crate) difference: Option<String>,
    /// Whether the target has it as it is to be: only what is said about its images may be missing.
    pub(crate) is_there: bool,
    /// What it lacks already where it comes from, if it does.
    pub(crate) part: Option<Part>,
    /// An element of which the target keeps some platforms under a digest of their own.
    pub(crate) derived: Option<String>,
    /// Its elements, each with the job that moves its content.
    pub(crate) elements: Vec<(ElementPlan, Option<usize>)>,
}

impl Version {
    pub(crate) fn component(&self) -> &str {
        &self.new.descriptor.component.name
    }

    pub(crate) fn version(&self) -> &str {
        &self.new.descriptor.component.version
    }

    pub(crate) fn is_stored(&self) -> bool {
        !matches!(self.action, Some(VersionAction::Present | VersionAction::Keep))
    }
}

impl Prepared {
    /// The repositories that receive component versions; those that could not be opened are left out.
    pub fn repositories(&self) -> impl Iterator<Item = &ComponentRepository> {
        self.targets.iter().filter(|target| target.is_open).map(|target| &target.repository)
    }

    /// The addresses of all targets, for a person.
    pub(crate) fn address(&self) -> String {
        let addresses: Vec<_> = self.targets.iter().map(|target| target.repository.address()).collect();
        addresses.join(", ")
    }

    /// What will happen, as a value that can be printed.
    pub fn plan(&self) -> Plan {
        let versions = self.versions.iter().map(|version| VersionPlan {
            component: version.component().to_owned(),
            version: version.version().to_owned(),
            source: version.source.clone(),
            target: self.targets.get(version.target).map(|target| target.repository.address()).unwrap_or_default(),
            action: version.action.unwrap_or(VersionAction::Transfer),
            difference: version.difference.clone(),
            elements: version.elements.iter().map(|(plan, _)| plan.clone()).collect(),
        });
        Plan { target: self.address(), versions: versions.collect() }
    }

    /// Content that was asked for and stays where it is: why, each with its element and component version.
    pub(crate) fn left(&self) -> impl Iterator<Item = (&Version, &ElementPlan, &str)> {
        self.versions.iter().flat_map(|version| {
            version.elements.iter().filter_map(move |(plan, _)| match &plan.action {
                ElementAction::Reference { reason, is_wanted: true } => Some((version, plan, reason.as_str())),
                _ => None,
            })
        })
    }

    /// Positions of needed jobs, those with the same content together, in the order of their first ones.
    pub(crate) fn groups(&self) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        for (position, job) in self.jobs.iter().enumerate().filter(|(_, job)| job.is_needed) {
            match job.content.key() {
                Some(key) => {
                    let group = *known.entry(key).or_insert_with(|| {
                        groups.push(Vec::new());
                        groups.len() - 1
                    });
                    groups[group].push(position);
                }
                None => groups.push(vec![position]),
            }
        }
        groups
    }
}
