use std::fmt;
use std::sync::Arc;

use ocm_model::yaml;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use crate::tree::{Places, Tree};
use crate::{Error, Place, Result};

/// The type of a list of entries, with and without its version.
const GENERIC: [&str; 2] = ["generic.config.ocm.software", "generic.config.ocm.software/v1"];

/// One configuration file: its entries in the order of their priority, the highest last.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) file: Arc<str>,
    pub(crate) entries: Vec<Entry>,
    /// Whether there were named sets of entries, which the older program has and nobody here applies.
    pub(crate) has_sets: bool,
}

/// One entry of a configuration file, not yet understood.
#[derive(Clone)]
pub struct Entry {
    /// Where it begins.
    pub place: Place,
    /// The type as written.
    pub kind: String,
    /// All other members.
    pub members: Map<String, Value>,
    /// Where their parts stand.
    pub(crate) places: Arc<Places>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Members may be secrets.
        f.debug_struct("Entry").field("place", &self.place).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Entry {
    /// Where a part of it stands, by JSON pointer (`/consumers/0`); where the entry begins if that is not known.
    pub fn place_of(&self, pointer: &str) -> &Place {
        self.places.get(pointer).unwrap_or(&self.place)
    }
}

impl Document {
    /// Reads a file, YAML or JSON: a list of entries, or a single entry. An empty text has none.
    ///
    /// Lists inside of lists are flattened: entries of the outer list come first, so that those of the inner ones win.
    ///
    /// # Errors
    /// Text that is no YAML, or no configuration: without a type, or with an entry that is no mapping or has no type.
    pub fn read(file: &str, text: &str) -> Result<Self> {
        let file: Arc<str> = file.into();
        let whole = Place::file_as_a_whole(&file);
        let node = yaml::read::<Option<Node>>(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|error| {
            let place = error.location().map_or(whole.clone(), |location| Place::new(&file, location));
            Error::new(&place, format_args!("not a configuration: {}", reason(&error)))
        })?;
        let mut document = Self { file, entries: Vec::new(), has_sets: false };
        let Some(node) = node else { return Ok(document) };
        match (&node.kind, &node.configurations) {
            (None, None) => return Err(Error::new(&whole, "not a configuration: it has no type")),
            // What the outer type says does not matter to the Go program as long as there are entries.
            (_, Some(_)) => document.flatten(node)?,
            (Some(kind), None) if GENERIC.contains(&kind.as_str()) => document.flatten(node)?,
            (Some(_), None) => document.add(node, whole)?,
        }
        Ok(document)
    }

    /// Name of the file as the caller gave it.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What it holds, the highest priority last.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn flatten(&mut self, list: Node) -> Result<()> {
        self.has_sets |= list.members.iter().any(|(key, _)| key == "sets");
        let mut inner = Vec::new();
        for Spanned { value: node, referenced, .. } in list.configurations.unwrap_or_default() {
            match &node.kind {
                Some(kind) if GENERIC.contains(&kind.as_str()) => inner.push(node),
                _ => self.add(node, Place::new(&self.file, referenced))?,
            }
        }
        inner.into_iter().try_for_each(|list| self.flatten(list))
    }

    fn add(&mut self, node: Node, place: Place) -> Result<()> {
        let kind =
            node.kind.filter(|kind| !kind.is_empty()).ok_or_else(|| Error::new(&place, "the entry has no type"))?;
        let mut places = Places::new();
        let Value::Object(members) = Tree::Mapping(node.members).settle(&self.file, "", &mut places) else {
            return Err(Error::new(&place, "the entry is no mapping"));
        };
        self.entries.push(Entry { place, kind, members, places: Arc::new(places) });
        Ok(())
    }
}

/// What is wrong, without its place, which stands in front of it.
fn reason(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error as Yaml;
    match error {
        Yaml::DuplicateMappingKey { key: Some(key), .. } => format!("the key {key:?} appears twice"),
        Yaml::Unexpected { expected: "mapping start", .. } => "a mapping with a type is expected here".to_owned(),
        other => {
            let text = other.to_string();
            text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
        }
    }
}

/// A mapping with a type, and perhaps a list of such mappings.
struct Node {
    kind: Option<String>,
    configurations: Option<Vec<Spanned<Node>>>,
    members: Vec<(String, Spanned<Tree>)>,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping with a type")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut node = Node { kind: None, configurations: None, members: Vec::new() };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => node.kind = map.next_value()?,
                "configurations" => node.configurations = Some(map.next_value::<Option<_>>()?.unwrap_or_default()),
                _ => {
                    node.members.push((key, map.next_value()?));
                }
            }
        }
        Ok(node)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entries(text: &str) -> Vec<String> {
        let document = Document::read("c.yaml", text).unwrap();
        document.entries.iter().map(|entry| format!("{} {}", entry.place, entry.kind)).collect()
    }

    fn problem(text: &str) -> String {
        Document::read("c.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn entries_of_inner_lists_come_last() {
        let text = "\
type: generic.config.ocm.software/v1
configurations:
- type: generic.config.ocm.software
  configurations:
  - {type: a}
  - type: generic.config.ocm.software/v1
    configurations: [{type: b}]
  - {type: c}
- {type: d}
- type: generic.config.ocm.software/v1
";
        assert_eq!(entries(text), ["c.yaml:9:3 d", "c.yaml:5:5 a", "c.yaml:8:5 c", "c.yaml:7:22 b"]);
    }

    #[test]
    fn a_file_may_be_one_entry_json_or_empty() {
        assert_eq!(entries("type: ocm.config.ocm.software\nresolvers: []\n"), ["c.yaml ocm.config.ocm.software"]);
        assert_eq!(entries("{\"configurations\": [{\"type\": \"a\"}]}"), ["c.yaml:1:21 a"]);
        assert!(entries("").is_empty());
        assert!(entries("# nothing yet\n").is_empty());
        assert!(entries("type: generic.config.ocm.software/v1\nconfigurations:\n").is_empty());
    }

    #[test]
    fn what_is_no_configuration_is_refused_with_its_place() {
        assert!(problem("a: [\n").starts_with("c.yaml:"), "{}", problem("a: [\n"));
        assert_eq!(problem("a: b\n"), "c.yaml: not a configuration: it has no type");
        assert!(problem("[]\n").starts_with("c.yaml:1:1: not a configuration"), "{}", problem("[]\n"));
        assert!(problem("just text\n").starts_with("c.yaml:1:1: not a configuration"), "{}", problem("just text\n"));
        assert_eq!(problem("configurations:\n- a: b\n"), "c.yaml:2:3: the entry has no type");
        assert!(problem("configurations:\n- x\n").starts_with("c.yaml:2:3: "), "{}", problem("configurations:\n- x\n"));
        assert!(problem("type: a\ntype: b\n").starts_with("c.yaml:2:1: "), "{}", problem("type: a\ntype: b\n"));
    }
}
