use std::fmt;

use ocm_model::{Constraint, RepositoryReference, TypedObject, Version};
use serde_json::{Map, Value};

use crate::aliases::Aliases;
use crate::{Entry, Error, Pattern, Place, Result};

/// Priority of a resolver that names none.
const DEFAULT_PRIORITY: i64 = 10;

/// Where component versions that others refer to are found, and short names of repositories; read and checked as a whole.
#[derive(Clone, Debug, Default)]
pub struct Resolvers {
    /// `resolvers.config.ocm.software`: the first that fits decides.
    patterns: Vec<(Condition, Resolver)>,
    /// `ocm.config.ocm.software`: all that fit are asked, the highest priority first.
    prefixes: Vec<(String, Resolver)>,
    aliases: Aliases,
}

/// One repository that a configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// The repository.
    pub repository: RepositoryReference,
    /// The entry it is in.
    pub place: Place,
    /// Its position in the entry, counted from 0.
    pub index: usize,
}

/// Where to look for one component version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route<'a> {
    /// The configuration says nothing: where the component version was referred to.
    Unconfigured,
    /// In this repository and, without it, nowhere the configuration does not name: who may publish a component is
    /// decided here, and a namesake elsewhere must not take its place.
    Only(&'a Resolver),
    /// Where the component version was referred to, then in these.
    Fallback(Vec<&'a Resolver>),
}

#[derive(Clone, Debug)]
struct Condition {
    pattern: Pattern,
    constraint: Option<Constraint>,
}

impl Condition {
    fn holds(&self, component: &str, version: &str) -> bool {
        self.pattern.matches(component)
            && self
                .constraint
                .as_ref()
                .is_none_or(|constraint| Version::parse(version).is_ok_and(|version| constraint.matches(&version)))
    }
}

impl Resolvers {
    /// Reads the entries of both types, in order.
    ///
    /// # Errors
    /// A wrong pattern, constraint or repository, or an unknown member.
    pub(crate) fn read(patterns: &[&Entry], prefixes: &[&Entry], aliases: Aliases) -> Result<Self> {
        Ok(Self { patterns: read_patterns(patterns)?, prefixes: read_prefixes(prefixes)?, aliases })
    }

    /// Where to look for a component version: a pattern that fits decides; only without one, prefixes count.
    pub fn route(&self, component: &str, version: &str) -> Route<'_> {
        let decided = self.patterns.iter().find(|(condition, _)| condition.holds(component, version));
        if let Some((_, resolver)) = decided {
            return Route::Only(resolver);
        }
        if self.prefixes.is_empty() {
            return Route::Unconfigured;
        }
        let fits = |prefix: &str| {
            let rest = component.strip_prefix(prefix);
            prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        Route::Fallback(self.prefixes.iter().filter(|(prefix, _)| fits(prefix)).map(|(_, resolver)| resolver).collect())
    }

    /// The repository with a short name.
    pub fn alias(&self, name: &str) -> Option<&Resolver> {
        self.aliases.get(name)
    }

    /// Whether there are resolvers of the deprecated type, which ask one repository after the other.
    pub fn are_deprecated(&self) -> bool {
        !self.prefixes.is_empty()
    }
}

fn read_patterns(entries: &[&Entry]) -> Result<Vec<(Condition, Resolver)>> {
    let mut all = Vec::new();
    for entry in entries {
        for item in items(entry, &["resolvers"], &["repository", "componentNamePattern", "versionConstraint"])? {
            let pattern = item.text("componentNamePattern")?.unwrap_or_default();
            let pattern = Pattern::parse(pattern)
                .map_err(|reason| item.error(format_args!("componentNamePattern {pattern:?} {reason}")))?;
            let constraint = item.text("versionConstraint")?.filter(|text| !text.trim().is_empty());
            let constraint = constraint.map(Constraint::parse).transpose().map_err(|error| item.error(error))?;
            all.push((Condition { pattern, constraint }, item.resolver()?));
        }
    }
    Ok(all)
}

fn read_prefixes(entries: &[&Entry]) -> Result<Vec<(String, Resolver)>> {
    let mut all = Vec::new();
    for entry in entries {
        for item in items(entry, &["resolvers", "aliases"], &["repository", "prefix", "priority"])? {
            let priority = match item.member("priority") {
                None => DEFAULT_PRIORITY,
                Some(value) => {
                    value.as_i64().ok_or_else(|| item.error(format_args!("priority {value} is no whole number")))?
                }
            };
            let prefix = item.text("prefix")?.unwrap_or_default().trim_end_matches('/').to_owned();
            all.push((priority, prefix, item.resolver()?));
        }
    }
    // Stable: of the same priority, the one that was written first is asked first.
    all.sort_by_key(|(priority, ..)| std::cmp::Reverse(*priority));
    Ok(all.into_iter().map(|(_, prefix, resolver)| (prefix, resolver)).collect())
}

/// One element of `resolvers`.
struct Item<'a> {
    entry: &'a Entry,
    index: usize,
    members: &'a Map<String, Value>,
}

/// The elements of an entry. A misspelt condition would match everything, so no unknown member passes.
fn items<'a>(entry: &'a Entry, known: &[&str], known_in_items: &[&str]) -> Result<Vec<Item<'a>>> {
    let error = |reason| Error::new(&entry.place, format_args!("{}: {reason}", entry.kind));
    only(&entry.members, known).map_err(error)?;
    let values = match entry.members.get("resolvers") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(values)) => values,
        Some(_) => return Err(error("resolvers is no list".into())),
    };
    let mut items = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let error = |reason| Error::new(&entry.place, format_args!("resolvers[{index}]: {reason}"));
        let members = value.as_object().ok_or_else(|| error("is no mapping".to_owned()))?;
        only(members, known_in_items).map_err(error)?;
        items.push(Item { entry, index, members });
    }
    Ok(items)
}

fn only(members: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match members.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("unknown member {key:?}; known are {}", known.join(", "))),
        None => Ok(()),
    }
}

impl Item<'_> {
    fn error(&self, reason: impl fmt::Display) -> Error {
        Error::new(&self.entry.place, format_args!("resolvers[{}]: {reason}", self.index))
    }

    fn member(&self, key: &str) -> Option<&Value> {
        self.members.get(key).filter(|value| !value.is_null())
    }

    fn text(&self, key: &str) -> Result<Option<&str>> {
        match self.member(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.error(format_args!("{key} {value} is no text: put it in quotes"))),
        }
    }

    fn resolver(&self) -> Result<Resolver> {
        let spec = self.member("repository").ok_or_else(|| self.error("it has no repository"))?;
        let spec: TypedObject =
            serde_json::from_value(spec.clone()).map_err(|_| self.error("repository is no mapping with a type"))?;
        let repository = RepositoryReference::from_spec(&spec).map_err(|error| self.error(error))?;
        Ok(Resolver { repository, place: self.entry.place.clone(), index: self.index })
    }
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: resolvers[{}]", self.place, self.index)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use crate::{Configuration, Document, Route};

    const PATTERNS: &str = "type: resolvers.config.ocm.software/v1alpha1\nresolvers:\n";
    const PREFIXES: &str = "type: ocm.config.ocm.software/v1\nresolvers:\n";

    fn configuration(texts: &[String]) -> Configuration {
        Configuration::new(texts.iter().map(|text| Document::read("c.yaml", text).unwrap()))
    }

    fn found(text: &str, component: &str, version: &str) -> Vec<String> {
        let resolvers = configuration(&[text.to_owned()]).resolvers().unwrap();
        match resolvers.route(component, version) {
            Route::Unconfigured => vec!["unconfigured".into()],
            Route::Only(one) => vec![format!("only {}", one.repository)],
            Route::Fallback(all) => all.iter().map(|one| one.repository.to_string()).collect(),
        }
    }

    fn problem(text: &str) -> String {
        configuration(&[text.to_owned()]).resolvers().unwrap_err().to_string()
    }

    #[test]
    fn the_first_pattern_that_fits_decides() {
        let text = format!(
            "{PATTERNS}\
            - {{repository: {{type: ctf, filePath: old}}, componentNamePattern: acme.org/*, versionConstraint: '<2'}}\n\
            - {{repository: {{type: OCIRepository/v1, baseUrl: ghcr.io, subPath: a}}, componentNamePattern: acme.org/*}}\n\
            - {{repository: {{type: ctf, filePath: late}}, componentNamePattern: acme.org/x}}\n"
        );
        assert_eq!(found(&text, "acme.org/x", "1.0.0"), ["only ctf::old"]);
        assert_eq!(found(&text, "acme.org/x", "2.0.0"), ["only OCIRepository/v1::ghcr.io/a"]);
        assert_eq!(found(&text, "acme.org/x", "no-version"), ["only OCIRepository/v1::ghcr.io/a"]);
        assert_eq!(found(&text, "other.org/x", "1.0.0"), ["unconfigured"]);
    }

    #[test]
    fn without_a_pattern_everything_fits() {
        let text = format!("{PATTERNS}- repository: {{type: ctf, filePath: all}}\n");
        assert_eq!(found(&text, "acme.org/x", "1.0.0"), ["only ctf::all"]);
    }

    #[test]
    fn prefixes_end_at_slashes_and_higher_priorities_come_first() {
        let text = format!(
            "{PREFIXES}\
            - {{repository: {{type: ctf, filePath: all}}}}\n\
            - {{repository: {{type: ctf, filePath: low}}, prefix: acme.org, priority: 1}}\n\
            - {{repository: {{type: ctf, filePath: high}}, prefix: acme.org/, priority: 20}}\n\
            - {{repository: {{type: ctf, filePath: same}}, prefix: acme.org/x}}\n"
        );
        assert_eq!(found(&text, "acme.org/x", "1"), ["ctf::high", "ctf::all", "ctf::same", "ctf::low"]);
        assert_eq!(found(&text, "acme.org/xy", "1"), ["ctf::high", "ctf::all", "ctf::low"]);
        assert_eq!(found(&text, "acme.orgs/x", "1"), ["ctf::all"]);
    }

    #[test]
    fn mistakes_name_file_entry_and_index() {
        let list = |item: &str| {
            problem(&format!(
                "type: generic.config.ocm.software/v1\nconfigurations:\n- type: resolvers.config.ocm.software\n  \
                 resolvers:\n  - repository: {{type: ctf, filePath: ok}}\n  - {item}\n"
            ))
        };
        assert_eq!(
            list("{repository: {type: ctf, filePath: x}, componentNamePattern: '['}"),
            "c.yaml:3:3: resolvers[1]: componentNamePattern \"[\" has a [ without its ]"
        );
        let wrong = list("{repository: {type: ctf, filePath: x}, versionConstraint: '>>'}");
        assert!(wrong.starts_with("c.yaml:3:3: resolvers[1]: version constraint \">>\""), "{wrong}");
        assert!(list("{repository: {filePath: x}}").contains("resolvers[1]"));
        assert!(list("{repository: {type: ctf}}").contains("has no filePath"));
        assert!(list("{componentNamePattern: x}").contains("resolvers[1]: it has no repository"));
        assert!(list("{repository: {type: ctf, filePath: x}, componentNamePatern: x}").contains("componentNamePatern"));
        assert!(
            list("{repository: {type: ctf, filePath: x}, versionConstraint: 1.0}")
                .contains("no text: put it in quotes")
        );
        assert!(list("{repository: ctf}").contains("repository is no mapping"));
        assert!(list("ctf").contains("resolvers[1]: is no mapping"));
        assert!(
            problem(&format!("{PREFIXES}- {{repository: {{type: ctf, filePath: x}}, priority: high}}\n"))
                .contains("resolvers[0]")
        );
        assert!(problem("type: resolvers.config.ocm.software\nresolver: []\n").contains("unknown member \"resolver\""));
        assert!(problem("type: resolvers.config.ocm.software\nresolvers: x\n").contains("no list"));
    }

    #[test]
    fn a_pattern_decides_before_prefixes_whatever_files_they_are_in() {
        let both = configuration(&[
            format!("{PREFIXES}- repository: {{type: ctf, filePath: prefix}}\n"),
            format!(
                "{PATTERNS}- {{repository: {{type: ctf, filePath: pattern}}, componentNamePattern: 'acme.org/*'}}\n"
            ),
        ]);
        let resolvers = both.resolvers().unwrap();
        let Route::Only(one) = resolvers.route("acme.org/x", "1.0.0") else { panic!("no pattern") };
        assert_eq!(one.repository.to_string(), "ctf::pattern");
        let Route::Fallback(all) = resolvers.route("other.org/x", "1.0.0") else { panic!("no prefix") };
        assert_eq!(all.len(), 1);
        assert!(resolvers.are_deprecated());
    }

    #[test]
    fn several_entries_are_one_list() {
        let item = |path: &str| format!("{PATTERNS}- repository: {{type: ctf, filePath: {path}}}\n");
        let resolvers = configuration(&[item("first"), item("second")]).resolvers().unwrap();
        assert!(
            matches!(resolvers.route("a.b/c", "1.0.0"), Route::Only(one) if one.repository.to_string() == "ctf::first")
        );
    }
}
