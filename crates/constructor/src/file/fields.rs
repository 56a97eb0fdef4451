use ocm_model::near_miss;
use serde_json::Value;

use super::Dialect;
use super::tree::{Key, Kind, Node};
use crate::problem::{Position, Problem};

/// Problems of one file that are told; nobody reads more of them, and a hostile file could have millions.
const MOST_PROBLEMS: usize = 1000;

/// Collects what is wrong while a document is read, so that a person learns everything in one run.
pub(crate) struct Reader<'a> {
    pub(crate) file: &'a str,
    pub(crate) dialect: Dialect,
    pub(crate) foreign_inputs: &'a [String],
    pub(crate) keep_written: bool,
    pub(crate) problems: Vec<Problem>,
    /// What is right but probably not meant.
    pub(crate) notices: Vec<Problem>,
}

/// The members of one mapping; remembers which of them somebody knows.
pub(crate) struct Fields<'n> {
    /// What the mapping describes, for messages: `resource "image"`.
    pub(crate) what: String,
    pub(crate) position: Position,
    entries: &'n [(Key, Node)],
    known: Vec<&'static str>,
}

impl Reader<'_> {
    pub(crate) fn problem(&mut self, position: Position, message: impl Into<String>) {
        if self.problems.len() >= MOST_PROBLEMS {
            return;
        }
        self.problems.push(Problem::at(self.file, position, message));
    }

    pub(crate) fn notice(&mut self, position: Position, message: impl Into<String>) {
        self.notices.push(Problem::at(self.file, position, message));
    }

    /// The members of a mapping.
    pub(crate) fn fields<'n>(&mut self, node: &'n Node, what: impl Into<String>) -> Option<Fields<'n>> {
        let what = what.into();
        let Kind::Mapping(entries) = &node.kind else {
            self.problem(node.position, format!("{what} must be a mapping, but is {}", node.describe()));
            return None;
        };
        Some(Fields { what, position: node.position, entries, known: Vec::new() })
    }

    /// The items of a list; nothing at all is an empty list.
    pub(crate) fn items<'n>(&mut self, node: Option<&'n Node>, what: &str) -> &'n [Node] {
        match node.map(|node| &node.kind) {
            None => &[],
            Some(Kind::Sequence(items)) => items,
            Some(_) => {
                if let Some(node) = node {
                    self.problem(node.position, format!("{what} must be a list, but is {}", node.describe()));
                }
                &[]
            }
        }
    }

    /// A text. An unquoted `0123`, `on` or `1.10` stays what was written.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Some(scalar.text.clone()),
            _ => {
                self.problem(node.position, format!("{what} must be a text, but is {}", node.describe()));
                None
            }
        }
    }

    /// A version: a text that no reader of YAML takes for a number, since `1.10` would arrive as `1.1` elsewhere.
    pub(crate) fn version_text(&mut self, node: &Node, what: &str) -> Option<String> {
        if let Kind::Scalar(scalar) = &node.kind
            && let Some(mistaken) = scalar.mistakable()
        {
            self.problem(node.position, format!("{what} is read as {mistaken}: quote it, \"{}\"", scalar.text));
            return None;
        }
        self.text(node, what)
    }

    /// `true` or `false`.
    pub(crate) fn truth(&mut self, node: Option<&Node>, what: &str) -> Option<bool> {
        let node = node?;
        let truth = if let Kind::Scalar(scalar) = &node.kind { scalar.truth() } else { None };
        if truth.is_none() {
            self.problem(node.position, format!("{what} must be true or false"));
        }
        truth
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, node: Option<&Node>, what: &str) -> Vec<String> {
        self.items(node, what).iter().filter_map(|item| self.text(item, &format!("an item of {what}"))).collect()
    }
}

impl<'n> Fields<'n> {
    /// A member, unless it is absent or nothing.
    pub(crate) fn get(&mut self, reader: &Reader<'_>, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let exact = self.entries.iter().find(|(name, _)| name.text == key);
        // The older program reads its files with a decoder that ignores case, and real files rely on it.
        let loose = || {
            self.entries.iter().find(|(name, _)| reader.dialect == Dialect::V1 && name.text.eq_ignore_ascii_case(key))
        };
        let (_, node) = exact.or_else(loose)?;
        match &node.kind {
            Kind::Scalar(scalar) if scalar.is_null() => None,
            _ => Some(node),
        }
    }

    /// The place of a key, else of the whole mapping.
    pub(crate) fn place(&self, key: &str) -> Position {
        self.entries.iter().find(|(name, _)| name.text == key).map_or(self.position, |(name, _)| name.position)
    }

    /// A member that must be there.
    pub(crate) fn required(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<&'n Node> {
        let node = self.get(reader, key);
        if node.is_none() {
            let state = if self.entries.iter().any(|(name, _)| name.text == key) { "is empty" } else { "is missing" };
            reader.problem(self.place(key), format!("{}: the key {key:?} {state}", self.what));
        }
        node
    }

    /// A text that must be there and may not be empty.
    pub(crate) fn required_text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
        let node = self.required(reader, key)?;
        let text = reader.text(node, &format!("{key:?} of the {}", self.what))?;
        if text.is_empty() {
            reader.problem(node.position, format!("{}: the key {key:?} is empty", self.what));
            return None;
        }
        Some(text)
    }

    /// A text that may be absent.
    pub(crate) fn text(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<String> {
        let node = self.get(reader, key)?;
        reader.text(node, &format!("{key:?} of the {}", self.what))
    }

    /// A truth value that may be absent.
    pub(crate) fn truth(&mut self, reader: &mut Reader<'_>, key: &'static str) -> Option<bool> {
        let node = self.get(reader, key);
        reader.truth(node, &format!("{key:?} of the {}", self.what))
    }

    /// All members that nobody asked for, as values.
    pub(crate) fn rest(&self, reader: &Reader<'_>) -> Vec<(&'n Key, Value)> {
        let unknown = self.entries.iter().filter(|(key, _)| !self.is_known(reader, &key.text));
        unknown.map(|(key, node)| (key, node.to_json())).collect()
    }

    /// Refuses members that nobody asked for: a misspelt key must not be lost without a word.
    pub(crate) fn finish(self, reader: &mut Reader<'_>) {
        for (key, _) in self.entries {
            if self.is_known(reader, &key.text) {
                continue;
            }
            if reader.problems.len() >= MOST_PROBLEMS {
                return;
            }
            let advice = match near_miss(&key.text, self.known.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("it has {}", self.known.join(", ")),
            };
            reader.problem(key.position, format!("{}: unknown key {:?}; {advice}", self.what, key.text));
        }
    }

    fn is_known(&self, reader: &Reader<'_>, key: &str) -> bool {
        self.known.iter().any(|known| *known == key || reader.dialect == Dialect::V1 && known.eq_ignore_ascii_case(key))
    }
}
