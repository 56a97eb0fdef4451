use std::collections::{BTreeMap, HashMap, HashSet};

use ocm_model::reference::COMPONENT_DESCRIPTORS;
use ocm_oci::ImageReference;
use ocm_oci::reference::{Relative, is_repository, is_tag};
use ocm_repository::{ComponentRepository, ComponentVersion};

use super::rule::Subject;
use super::template::{Variable, slug};
use super::{Collision, Rule, Template};
use crate::element::Carried;
use crate::{ElementKind, ElementPlan, Error, Options, Result, UploadAs};

/// Type of resources that are charts.
const CHART: &str = "helmChart";

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

/// The names that one content gets.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The one it is stored under; `None` if it is stored with its component version.
    pub(crate) own: Option<Name>,
    /// One more, for content that is stored with its component version.
    pub(crate) also: Option<Name>,
}

impl Names {
    fn all(&self) -> impl Iterator<Item = &Name> {
        [&self.own, &self.also].into_iter().flatten()
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

/// Names for the contents that get some; nobody else's name is looked at yet.
///
/// # Errors
/// A name that no registry takes; two different contents with one name, as [`Collision`] says.
pub(crate) fn name_all(requests: &[Request<'_>], options: &Options) -> Result<Vec<Names>> {
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
fn tell_apart(requests: &[Request<'_>], names: &mut [Names]) {
    let mut digests: HashMap<(usize, String, Option<String>), HashSet<String>> = HashMap::new();
    let key = |request: &Request<'_>, name: &Name| (request.target, name.repository.clone(), name.tag.clone());
    for (request, names) in requests.iter().zip(names.iter()) {
        for name in names.all() {
            digests.entry(key(request, name)).or_default().insert(request.carried.content.reference());
        }
    }
    let named = requests.iter().zip(names.iter_mut());
    let named =
        named.flat_map(|(request, Names { own, also })| own.iter_mut().chain(also).map(move |name| (request, name)));
    for (request, name) in named {
        if digests.get(&key(request, name)).is_some_and(|digests| digests.len() > 1) {
            let host = host(request);
            let suffix = if host.is_empty() { slug(request.version.name()) } else { slug(&host) };
            name.repository = format!("{}-{suffix}", name.repository);
        }
    }
}

fn host(request: &Request<'_>) -> String {
    request.carried.content.origin.as_deref().map(host_of).unwrap_or_default()
}

/// The host that content comes from. The address of a chart may be no reference: its version may have a plus.
fn host_of(origin: &str) -> String {
    match (origin.parse::<ImageReference>(), origin.split_once("://")) {
        (Ok(reference), _) => reference.host().to_owned(),
        (Err(_), Some((_, rest))) => {
            let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
            host.rsplit('@').next().unwrap_or_default().to_owned()
        }
        (Err(_), None) => String::new(),
    }
}

fn name(request: &Request<'_>, options: &Options, noticed: &mut HashSet<String>) -> Result<Names> {
    let Request { plan, carried, version, repository: target, .. } = request;
    let is_image = plan.kind == ElementKind::Resource && carried.content.root().is_some();
    let Some(at) = target.content("").location().filter(|_| is_image) else { return Ok(Names::default()) };
    let host = at.host();
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
    let own = if carried.is_wanted { asked.name(options)? } else { None };
    let names = match (&own, &options.naming.also) {
        (None, Some(template)) => Names { own, also: Some(asked.another(template)?) },
        _ => Names { own, also: None },
    };
    let Some(name) = names.all().next() else { return Ok(names) };
    let template = names.also.as_ref().and(options.naming.also.as_ref()).unwrap_or(&options.naming.template);
    let speaks = template.speaks_of(Variable::Repository) || template.speaks_of(Variable::Name);
    if found.is_none() && speaks && noticed.insert(asked.subject()) {
        let stored = name.with_tag(&name.full(target));
        let subject = asked.subject();
        options.observer.warned(&format!("{subject}: nothing says how the image is called; it is stored as {stored}"));
    }
    Ok(names)
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
        let version_tag = || self.version_tag();
        let (repository, tag) = self.found();
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
        self.check(&named, tag.as_deref(), "--upload-name")?;
        if let Some(registry) = placement.registry.as_deref().filter(|registry| *registry != self.host) {
            let host = self.host;
            let reason = format!("{}: a rule places it in {registry}, but the target is {host}", self.subject());
            return Err(Error::Naming(reason));
        }
        Ok(Some(Name { repository: named, tag, is_whole: placement.registry.is_some() }))
    }

    /// The name that an image gets besides its place in its component version. It always has a tag: the image is stored
    /// under its digest already.
    ///
    /// # Errors
    /// A name that no registry takes, or one where component versions have theirs.
    fn another(&self, template: &Template) -> Result<Name> {
        let (repository, tag) = self.found();
        let component_tag = || Some(ocm_model::version::to_tag(self.component.1));
        let tag = tag.or_else(|| self.version_tag()).or_else(component_tag);
        let filled = template.fill(|variable| self.value(variable, &repository, tag.as_deref()));
        let (repository, named_tag) = split(filled.trim_matches('/'));
        let name = Name { repository, tag: named_tag.or(tag), is_whole: false };
        self.check(&name.repository, name.tag.as_deref(), "--also-tag")?;
        Ok(name)
    }

    /// What it is called where it comes from, or what it is called where nothing says that.
    fn found(&self) -> (String, Option<String>) {
        match self.reference_name {
            Some(found) => split(found),
            None => (format!("{}/{}", self.component.0, slug(self.resource())), self.version_tag()),
        }
    }

    fn version_tag(&self) -> Option<String> {
        Some(self.tag_of_number()).filter(|tag| !tag.is_empty())
    }

    fn tag_of_number(&self) -> String {
        if self.kind == CHART { helm_tag(self.number) } else { ocm_model::version::to_tag(self.number) }
    }

    /// # Errors
    /// A name that no registry takes, or one where component versions have theirs.
    fn check(&self, repository: &str, tag: Option<&str>, flag: &str) -> Result<()> {
        let refuse = |reason: &str| {
            let name = tag.map_or_else(|| repository.to_owned(), |tag| format!("{repository}:{tag}"));
            Err(Error::Naming(format!("{}: {name:?} is {reason} {flag}", self.subject())))
        };
        if !is_repository(repository) || tag.is_some_and(|tag| !is_tag(tag)) {
            return refuse("no name for an image; give one by");
        }
        // A tag there is a component version, and a transfer may be the one that stores it.
        if tag.is_some() && repository.split('/').any(|part| part == COMPONENT_DESCRIPTORS) {
            return refuse("a place of component versions; give another by");
        }
        Ok(())
    }

    fn value(&self, variable: Variable, repository: &str, tag: Option<&str>) -> String {
        match variable {
            Variable::Host => self.origin.map(|origin| host_of(origin).replace(':', "-")).unwrap_or_default(),
            Variable::Repository => repository.to_owned(),
            Variable::Name => repository.rsplit('/').next().unwrap_or_default().to_owned(),
            Variable::Tag => tag.unwrap_or_default().to_owned(),
            Variable::Digest => self.digest.to_owned(),
            Variable::Component => self.component.0.to_owned(),
            Variable::ComponentVersion => ocm_model::version::to_tag(self.component.1),
            Variable::Resource => self.resource().to_owned(),
            Variable::ResourceVersion => self.tag_of_number(),
        }
    }
}

/// `path/name:tag@digest` as repository and tag.
fn split(name: &str) -> (String, Option<String>) {
    let Relative { repository, tag, .. } = Relative::read(name);
    (repository.to_owned(), tag.map(str::to_owned))
}

/// Helm looks for a chart in a registry under a tag with an underscore for the plus of its version.
fn helm_tag(version: &str) -> String {
    version.replace('+', "_")
}

/// `path/chart:version`: what the image of a chart is called below a registry.
pub(crate) fn chart_name(repository: &str, chart: &str, version: Option<&str>) -> String {
    let path = repository.split_once("://").map_or(repository, |(_, rest)| rest);
    let path = path.split_once('/').map_or("", |(_, path)| path.trim_matches('/'));
    let (chart, version) = chart.split_once(':').map_or((chart, version), |(chart, version)| (chart, Some(version)));
    let tag = version.map(|version| format!(":{}", helm_tag(version))).unwrap_or_default();
    if path.is_empty() { format!("{chart}{tag}") } else { format!("{path}/{chart}{tag}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Asked, chart_name, host_of};

    #[test]
    fn charts_have_the_names_that_helm_looks_for() {
        for (chart, version) in [("app", Some("1.0.0+b1")), ("app:1.0.0+b1", None)] {
            assert_eq!(chart_name("https://charts.example/stable/", chart, version), "stable/app:1.0.0_b1");
        }
        assert_eq!(chart_name("https://charts.example", "app", None), "app");
    }

    #[test]
    fn a_chart_without_a_name_has_the_tag_that_helm_looks_for_too() {
        let identity = BTreeMap::from([("name".to_owned(), "app".to_owned())]);
        for (kind, tag) in [("helmChart", "1.0.0_b1"), ("ociImage", "1.0.0.build-b1")] {
            let asked = Asked {
                component: ("acme.org/a", "2.0.0"),
                identity: &identity,
                number: "1.0.0+b1",
                kind,
                access: "localBlob",
                origin: None,
                reference_name: None,
                was_local: true,
                digest: "",
                host: "",
            };
            assert_eq!(asked.found(), ("acme.org/a/app".to_owned(), Some(tag.to_owned())));
        }
    }

    #[test]
    fn an_address_that_is_no_reference_has_a_host_all_the_same() {
        assert_eq!(host_of("https://charts.example:8080/stable/app:1.0.0+b1"), "charts.example:8080");
        assert_eq!(host_of("https://me:secret@charts.example/App:1.0.0"), "charts.example");
    }
}
