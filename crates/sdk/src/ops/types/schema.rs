//! Walking through a JSON Schema: members, what they may hold, and what lies below them.

use serde_json::{Map, Value};

use crate::{Error, Kind, Result};

/// Members within members that [`Node::paths`] lists.
const DEEPEST: usize = 5;

/// A part of a schema.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    root: &'a Value,
    here: &'a Value,
}

/// A member of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it may hold, as lists of types are written: `[string]`. Empty for anything. An arrow behind an object, or a list of
    /// objects, says that its members are described, too.
    pub kind: String,
    /// Whether it has to be there.
    pub is_required: bool,
    /// What it is for, with the values it may have.
    pub description: String,
}

impl<'a> Node<'a> {
    /// The schema as a whole.
    pub fn new(schema: &'a Value) -> Self {
        Self { root: schema, here: schema }
    }

    /// The part that `path` leads to, by names with dots between them.
    ///
    /// # Errors
    /// Names the first part that does not exist, and what there is in its place.
    pub fn at(self, path: &str) -> Result<Self> {
        let mut node = self;
        for segment in path.split('.').filter(|segment| !segment.is_empty()) {
            let found = node.properties().find(|(name, _)| *name == segment).map(|(_, node)| node);
            node = found.ok_or_else(|| {
                let mut known: Vec<&str> = node.properties().map(|(name, _)| name).collect();
                known.sort_unstable();
                let mut message = format!("schema path segment {segment:?} not found");
                if !known.is_empty() {
                    message.push_str("\n\nAvailable fields at this level:\n  ");
                    message.push_str(&known.join("\n  "));
                }
                Error::new(Kind::NotFound, message)
            })?;
        }
        Ok(node)
    }

    /// Its title.
    pub fn title(self) -> Option<&'a str> {
        self.here.get("title").and_then(Value::as_str).filter(|title| !title.is_empty())
    }

    /// Its description.
    pub fn description(self) -> &'a str {
        self.member("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether it should not be used any more.
    pub fn is_deprecated(self) -> bool {
        self.member("deprecated").and_then(Value::as_bool).unwrap_or_default()
    }

    /// What it may hold.
    pub fn kind(self) -> String {
        let names = match self.member("type") {
            Some(Value::String(name)) => name.clone(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            _ => return String::new(),
        };
        let may_have = names.contains("object") || names.contains("array");
        let arrow = if may_have && self.properties().next().is_some() { " →" } else { "" };
        format!("[{names}]{arrow}")
    }

    /// The values it may have, if they are listed.
    pub fn values(self) -> Option<String> {
        let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let listed = self.member("enum").and_then(Value::as_array);
        let options = self.member("oneOf").and_then(Value::as_array);
        let options = options.into_iter().flatten().filter_map(|option| option.get("const"));
        let values: Vec<String> = listed.into_iter().flatten().chain(options).map(shown).collect();
        (!values.is_empty()).then(|| format!("Possible values: [{}]", values.join(" ")))
    }

    /// Its members by name.
    pub fn fields(self) -> Vec<Field> {
        let entry = self.member("items").map(|here| Node { root: self.root, here });
        let required = self.member("required").or_else(|| entry.and_then(|entry| entry.member("required")));
        let required: Vec<&str> =
            required.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut fields: Vec<Field> = self
            .properties()
            .map(|(name, node)| Field {
                name: name.to_owned(),
                kind: node.kind(),
                is_required: required.contains(&name),
                description: [Some(node.description().to_owned()), node.values()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("\n"),
            })
            .collect();
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        fields
    }

    /// The paths of its members and of theirs.
    pub fn paths(self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", DEEPEST, &mut paths);
        paths.sort();
        paths
    }

    fn collect(self, prefix: &str, depth: usize, paths: &mut Vec<String>) {
        for (name, node) in self.properties().filter(|_| depth > 0) {
            let path = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
            node.collect(&path, depth - 1, paths);
            paths.push(path);
        }
    }

    /// The members of an object, or of the objects in a list.
    fn properties(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let root = self.root;
        let entry = self.member("items").map(|here| Node { root, here });
        let of = |node: Node<'a>| node.member("properties").and_then(Value::as_object);
        let properties: Option<&'a Map<String, Value>> = of(self).or_else(|| entry.and_then(of));
        properties.into_iter().flatten().map(move |(name, here)| (name.as_str(), Node { root, here }))
    }

    /// A keyword of this part, or of the one it refers to.
    fn member(self, key: &str) -> Option<&'a Value> {
        self.here.get(key).or_else(|| {
            let name = self.here.get("$ref")?.as_str()?.strip_prefix('#')?;
            self.root.pointer(name)?.get(key)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_of_lists_are_found() {
        let entry = json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}, "required": ["a"]});
        let schema = json!({"type": "object", "properties": {"list": {"type": "array", "items": entry}}});
        let node = Node::new(&schema);
        assert_eq!(node.fields()[0].kind, "[array] →");
        let fields = node.at("list").unwrap().fields();
        assert!(fields[0].name == "a" && fields[0].is_required && !fields[1].is_required);
        assert_eq!(node.paths(), ["list", "list.a", "list.b"]);
    }

    #[test]
    fn references_are_followed_and_circles_end() {
        let schema = json!({
            "properties": {"next": {"$ref": "#"}, "name": {"type": ["string", "null"], "enum": ["a", "b"]}},
            "type": "object",
            "required": ["name"],
        });
        let node = Node::new(&schema);
        let fields = node.fields();
        assert_eq!(fields[0].kind, "[string null]");
        assert_eq!((fields[0].is_required, fields[0].description.as_str()), (true, "\nPossible values: [a b]"));
        assert_eq!(fields[1].kind, "[object] →");
        assert_eq!(node.at("next.next.name").unwrap().kind(), "[string null]");
        assert_eq!(node.paths().len(), 2 * DEEPEST);
        let error = node.at("next.nme").unwrap_err().to_string();
        assert!(error.contains("\"nme\" not found") && error.contains("\n  name\n  next"), "{error}");
    }
}
