use std::collections::{BTreeMap, HashMap, HashSet};

use ocm_oci::ImageReference;
use ocm_oci::reference::{is_repository, is_tag};
use ocm_repository::{ComponentRepository, ComponentVersion};

use super::rule::Subject;
use super::template::{Variable, slug};
use super::{Collision, Rule, Template};
use crate::element::Carried;
use crate::{ElementKind, ElementPlan, Error, Options, Result, UploadAs};

/// What an image is called in the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Name of the repository, below the path of the target unless `is_whole`.
    pub(crate) repository: String,
    pub(crate) tag: Option<String>,
    /// Whether it stands below the host, not below the path of the target.
    pub(crate) is_whole: bool,
}

impl Name {
    /// The whole name of the repository in the registry.
    pub(crate) fn full(&self, target: &ComponentRepository) -> String {
        match target.sub_path() {
            path if !path.is_empty() && !self.is_whole => format!("{path}/{}", self.repository),
            _ => self.repository.clone(),
        }
    }

    pub(crate) fn with_tag(&self, repository: &str) -> String {
        self.tag.as_ref().map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}"))
    }
}

/// One content on its way to one target.
pub(crate) struct Request<'a> {
    pub(crate) plan: &'a ElementPlan,
    pub(crate) carried: &'a Carried,
    pub(crate) version: &'a ComponentVersion,
    /// Position of the target.
    pub(crate) target: usize,
    pub(crate) repository: &'a ComponentRepository,
}

/// Names for the contents that get one; nobody else's name is looked at yet.
///
/// # Errors
/// A name that no registry takes; two different contents with one name, as [`Collision`] says.
pub(crate) fn name_all(requests: &[Request<'_>], options: &Options) -> Result<Vec<Option<Name>>> {
    let mut noticed = HashSet::new();
    let mut names = Vec::with_capacity(requests.len());
    for request in requests {
        names.push(name(request, options, &mut noticed)?);
    }
    if options.naming.collision == Collision::SuffixHost {
        tell_apart(requests, &mut names);
    }
    Ok(names)
}

/// Puts the host of its origin behind the name of every image whose name another image has, too.
fn tell_apart(requests: &[Request<'_>], names: &mut [Option<Name>]) {
    let mut digests: HashMap<(usize, String, Option<String>), HashSet<String>> = HashMap::new();
    let key = |request: &Request<'_>, name: &Name| (request.target, name.repository.clone(), name.tag.clone());
    for (request, name) in requests.iter().zip(names.iter()) {
        if let Some(name) = name {
            digests.entry(key(request, name)).or_default().insert(request.carried.content.reference());
        }
    }
    for (request, name) in requests.iter().zip(names.iter_mut()) {
        let Some(name) = name else { continue };
        if digests.get(&key(request, name)).is_some_and(|digests| digests.len() > 1) {
            let host = host(request);
            let suffix = if host.is_empty() { slug(request.version.name()) } else { slug(&host) };
            name.repository = format!("{}-{suffix}", name.repository);
        }
    }
}

fn host(request: &Request<'_>) -> String {
    let origin = request.carried.content.origin.as_deref();
    let reference = origin.and_then(|origin| origin.parse::<ImageReference>().ok());
    reference.map(|reference| reference.host().to_owned()).unwrap_or_default()
}

fn name(request: &Request<'_>, options: &Options, noticed: &mut HashSet<String>) -> Result<Option<Name>> {
    let Request { plan, carried, version, repository: target, .. } = request;
    let is_image = carried.is_wanted && plan.kind == ElementKind::Resource && carried.content.root().is_some();
    let Some(at) = target.content("").location().filter(|_| is_image) else { return Ok(None) };
    let host = at.registry.split_once("://").map_or(at.registry.as_str(), |(_, host)| host);
    let number = version.descriptor.component.resources.get(plan.position).map_or("", |resource| &resource.version);
    let digest = carried.content.reference();
    let found = carried.reference_name(version);
    let asked = Asked {
        component: (version.name(), version.version()),
        identity: &plan.identity,
        number,
        kind: &plan.element_type,
        access: &carried.access.kind,
        origin: carried.content.origin.as_deref(),
        reference_name: found.as_deref(),
        was_local: carried.was_local,
        digest: &digest,
        host,
    };
    let Some(name) = asked.name(options)? else { return Ok(None) };
    let template = &options.naming.template;
    let speaks = template.speaks_of(Variable::Repository) || template.speaks_of(Variable::Name);
    if found.is_none() && speaks && noticed.insert(asked.subject()) {
        let stored = name.with_tag(&name.full(target));
        let subject = asked.subject();
        options.observer.warned(&format!("{subject}: nothing says how the image is called; it is stored as {stored}"));
    }
    Ok(Some(name))
}

/// What is known of an image that may get a name.
pub(crate) struct Asked<'a> {
    /// Name and version of the component.
    pub(crate) component: (&'a str, &'a str),
    /// Identity of the resource.
    pub(crate) identity: &'a BTreeMap<String, String>,
    /// Version of the resource.
    pub(crate) number: &'a str,
    /// Type of the resource.
    pub(crate) kind: &'a str,
    /// Type of its access.
    pub(crate) access: &'a str,
    /// Where it is now, unless it is stored with its component version.
    pub(crate) origin: Option<&'a str>,
    /// What it is called, without a host.
    pub(crate) reference_name: Option<&'a str>,
    pub(crate) was_local: bool,
    /// Its digest; may be empty in a document.
    pub(crate) digest: &'a str,
    /// Host of the target.
    pub(crate) host: &'a str,
}

impl Asked<'_> {
    fn resource(&self) -> &str {
        self.identity.get("name").map_or("", String::as_str)
    }

    fn subject(&self) -> String {
        format!("resource {} of {}:{}", self.resource(), self.component.0, self.component.1)
    }

    /// Its name; `None` if it stays inside of its component version.
    pub(crate) fn name(&self, options: &Options) -> Result<Option<Name>> {
        let subject = Subject {
            component: self.component.0,
            version: self.component.1,
            identity: self.identity,
            kind: self.kind,
            access: self.access,
            reference: self.origin.unwrap_or_default(),
        };
        let rule = options.naming.rules.iter().find(|rule| rule.matches.fits(&subject));
        if rule.and_then(|rule| rule.target.upload_as).unwrap_or(options.upload_as) != UploadAs::OciArtifact {
            return Ok(None);
        }
        let version_tag = || Some(ocm_model::version::to_tag(self.number)).filter(|tag| !tag.is_empty());
        let (repository, tag) = match self.reference_name {
            Some(found) => split(found),
            None => (format!("{}/{}", self.component.0, slug(self.resource())), version_tag()),
        };
        // What was stored with the component version has the version of its resource, where its name says none.
        let tag = tag.or_else(|| version_tag().filter(|_| self.was_local));
        let placement = rule.map(|rule: &Rule| rule.target.clone()).unwrap_or_default();
        let value = |variable: Variable| self.value(variable, &repository, tag.as_deref());
        let filled = match &placement.repository {
            Some(text) => Template::parse(text)?.fill(value),
            None => options.naming.template.fill(value),
        };
        let (named, named_tag) = split(filled.trim_matches('/'));
        let tag = match &placement.tag {
            Some(text) => Some(Template::parse(text)?.fill(value)),
            None => named_tag.or(tag.clone()),
        };
        if !is_repository(&named) || tag.as_deref().is_some_and(|tag| !is_tag(tag)) {
            let name = tag.map_or_else(|| named.clone(), |tag| format!("{named}:{tag}"));
            let reason = format!("{}: {name:?} is no name for an image; give one by --upload-name", self.subject());
            return Err(Error::Naming(reason));
        }
        if let Some(registry) = placement.registry.as_deref().filter(|registry| *registry != self.host) {
            let host = self.host;
            let reason = format!("{}: a rule places it in {registry}, but the target is {host}", self.subject());
            return Err(Error::Naming(reason));
        }
        Ok(Some(Name { repository: named, tag, is_whole: placement.registry.is_some() }))
    }

    fn value(&self, variable: Variable, repository: &str, tag: Option<&str>) -> String {
        let tag_of = |version: &str| ocm_model::version::to_tag(version);
        match variable {
            Variable::Host => {
                let reference = self.origin.and_then(|origin| origin.parse::<ImageReference>().ok());
                reference.map(|reference| reference.host().replace(':', "-")).unwrap_or_default()
            }
            Variable::Repository => repository.to_owned(),
            Variable::Name => repository.rsplit('/').next().unwrap_or_default().to_owned(),
            Variable::Tag => tag.unwrap_or_default().to_owned(),
            Variable::Digest => self.digest.to_owned(),
            Variable::Component => self.component.0.to_owned(),
            Variable::ComponentVersion => tag_of(self.component.1),
            Variable::Resource => self.resource().to_owned(),
            Variable::ResourceVersion => tag_of(self.number),
        }
    }
}

/// `path/name:tag@digest` as repository and tag.
fn split(name: &str) -> (String, Option<String>) {
    let name = name.split('@').next().unwrap_or_default();
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository.to_owned(), Some(tag.to_owned())),
        _ => (name.to_owned(), None),
    }
}

/// `path/chart:version`: what the image of a chart is called below a registry.
pub(crate) fn chart_name(repository: &str, chart: &str, version: Option<&str>) -> String {
    let path = repository.split_once("://").map_or(repository, |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path.trim_matches('/'));
    let chart = match version {
        Some(version) if !chart.contains(':') => format!("{chart}:{}", ocm_model::version::to_tag(version)),
        _ => chart.to_owned(),
    };
    if path.is_empty() { chart } else { format!("{path}/{chart}") }
}
