//! What has to happen, decided before anything is written.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use ocm_repository::ComponentVersion;

use super::graph::Graph;
use super::{Conflict, Environment, Error, External, Options};
use crate::file::Component;
use crate::problem::{Problem, Problems};

/// The decisions for all components.
pub(super) struct Plan {
    pub(super) graph: Graph,
    /// What the target has of each component of the files.
    pub(super) existing: Vec<Option<Box<ComponentVersion>>>,
    /// Whether what the target has stays without a look at the file.
    pub(super) kept: Vec<bool>,
    /// Component versions that are referred to and that no file describes.
    pub(super) external: Vec<ComponentVersion>,
    /// Which of them lie in the target already, by name and version.
    pub(super) present: HashSet<(String, String)>,
    by_name: HashMap<(String, String), usize>,
}

impl Plan {
    /// A component version that no file describes.
    pub(super) fn external(&self, component: &str, version: &str) -> Option<&ComponentVersion> {
        self.by_name.get(&(component.to_owned(), version.to_owned())).map(|position| &self.external[*position])
    }
}

pub(super) async fn plan(
    components: &[Component],
    environment: &Environment,
    options: &Options,
) -> Result<Plan, Error> {
    let existing = existing(components, environment, options).await?;
    let there: Vec<String> = existing.iter().flatten().map(ToString::to_string).collect();
    if options.conflict == Conflict::AbortAndFail && !there.is_empty() {
        return Err(Error::Exists { versions: there, target: environment.target.address() });
    }
    let kept: Vec<bool> =
        existing.iter().map(|existing| existing.is_some() && options.conflict == Conflict::Skip).collect();
    let graph = Graph::new(components, |position| kept[position]).map_err(Error::File)?;
    let mut plan =
        Plan { graph, existing, kept, external: Vec::new(), present: HashSet::new(), by_name: HashMap::new() };
    find_external(components, &mut plan, environment, options).await?;
    Ok(plan)
}

async fn existing(
    components: &[Component],
    environment: &Environment,
    options: &Options,
) -> Result<Vec<Option<Box<ComponentVersion>>>, Error> {
    let target = &environment.target;
    let found = stream::iter(components).map(|component| async move {
        if !target.exists(&component.name, &component.version).await? {
            return Ok(None);
        }
        target.get(&component.name, &component.version).await.map(|existing| Some(Box::new(existing)))
    });
    let found: Result<Vec<_>, ocm_oci::Error> = found.buffered(options.concurrency.max(1)).try_collect().await;
    let found = found?;
    for existing in found.iter().flatten() {
        match options.conflict {
            Conflict::Skip => environment
                .observer
                .warned(&format!("component version {existing} is in {} already and is kept", target.address())),
            Conflict::Replace => environment
                .observer
                .warned(&format!("component version {existing} in {} is replaced", target.address())),
            Conflict::AbortAndFail | Conflict::KeepIdentical => {}
        }
    }
    Ok(found)
}

/// A reference to be followed: its target, and the file and place that names it.
struct Wanted {
    component: String,
    version: String,
    problem: Option<Problem>,
}

/// Finds what references name and no file describes. What such component versions refer to in turn is needed only if they
/// are copied.
async fn find_external(
    components: &[Component],
    plan: &mut Plan,
    environment: &Environment,
    options: &Options,
) -> Result<(), Error> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for (component, kept) in components.iter().zip(&plan.kept) {
        for (place, reference) in component.references.iter().filter(|_| !kept) {
            let title = format!("{}:{}", reference.component_name, reference.version);
            let message = format!(
                "the component version {title} of the reference {:?} is neither in the files nor in {} nor in a repository to look in",
                reference.name,
                environment.target.address()
            );
            wanted.push(Wanted {
                component: reference.component_name.clone(),
                version: reference.version.clone(),
                problem: Some(Problem::at(&component.file, *place, message)),
            });
        }
    }
    let mut seen: HashSet<(String, String)> = HashSet::new();
    let mut problems = Vec::new();
    while !wanted.is_empty() {
        wanted.retain(|wanted| {
            plan.graph.find(&wanted.component, &wanted.version).is_none()
                && seen.insert((wanted.component.clone(), wanted.version.clone()))
        });
        let found = stream::iter(std::mem::take(&mut wanted)).map(|wanted| async move {
            let found = find(&wanted, environment).await?;
            Ok::<_, ocm_oci::Error>((wanted, found))
        });
        let found: Vec<_> = found.buffered(options.concurrency.max(1)).try_collect().await?;
        for (one, found) in found {
            let Some((version, present)) = found else {
                match (options.external, one.problem) {
                    (External::Accept, _) => {}
                    (_, Some(problem)) => problems.push(problem),
                    (_, None) => problems.push(Problem::of(&environment.target.address(), format!("the component version {}:{}, which a referenced component version needs, is nowhere to be found", one.component, one.version))),
                }
                continue;
            };
            if options.external == External::CopyOrFail && !present {
                wanted.extend(version.descriptor.component.component_references.iter().map(|reference| Wanted {
                    component: reference.component_name.clone(),
                    version: reference.version.clone(),
                    problem: None,
                }));
            }
            if present {
                plan.present.insert((one.component.clone(), one.version.clone()));
            }
            plan.by_name.insert((one.component, one.version), plan.external.len());
            plan.external.push(version);
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::File(Problems(problems).sorted())) }
}

/// The component version and whether it lies in the target.
async fn find(wanted: &Wanted, environment: &Environment) -> Result<Option<(ComponentVersion, bool)>, ocm_oci::Error> {
    let (target, lookup) = (&environment.target, &environment.lookup);
    let present = target.exists(&wanted.component, &wanted.version).await?;
    if present && !lookup.is_bound(&wanted.component, &wanted.version) {
        return Ok(Some((target.get(&wanted.component, &wanted.version).await?, true)));
    }
    let found = lookup.component_version(&wanted.component, &wanted.version).await?;
    Ok(found.map(|version| (version, present)))
}
