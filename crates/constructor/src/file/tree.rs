use std::collections::HashMap;

use granit_parser::{Event, Options, Parser, ScalarStyle, Tag};

use crate::problem::{Position, Problem, Problems};

/// Largest constructor text in bytes; ten thousand components of a screen each stay far below.
const LARGEST_TEXT: usize = 16 << 20;

/// Nodes that anchors and aliases may repeat in all. A "billion laughs" document asks for billions.
const LARGEST_REPETITION: usize = 200_000;

/// A node of a YAML or JSON document with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) position: Position,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    /// Entries in their order; keys are unique.
    Mapping(Vec<(Key, Node)>),
}

/// The key of a mapping: its text as written. `n`, `on` and `0123` are texts like every other.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) position: Position,
    pub(crate) text: String,
}

/// A single value as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    pub(crate) form: Form,
}

/// How a scalar was written, which decides what it may be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Without quotes: a number, a truth value, nothing, or a text.
    Plain,
    /// A text whatever it looks like: in quotes, as a block, or tagged `!!str`.
    Text,
    /// A text with the value of a variable in it; it may still say `true` or `false` where that is asked for.
    Filled,
}

impl Node {
    /// The name of this kind of node in messages.
    pub(crate) fn describe(&self) -> &'static str {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.is_null() => "nothing",
            Kind::Scalar(_) => "a single value",
            Kind::Sequence(_) => "a list",
            Kind::Mapping(_) => "a mapping",
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::Sequence(items) => items.iter().map(Self::size).sum(),
            Kind::Mapping(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
        }
    }
}

/// Reads all documents of a text. Documents without content are left out.
///
/// # Errors
/// Text that is no YAML, a key that appears twice, a key that is no text, an alias that repeats too much, an unknown tag.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Node>, Problems> {
    if text.len() > LARGEST_TEXT {
        let message = format!("is larger than the limit of {LARGEST_TEXT} bytes: split it into several files");
        return Err(Problems::one(Problem::of(file, message)));
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut builder = Builder {
        file,
        problems: Vec::new(),
        documents: Vec::new(),
        open: Vec::new(),
        anchors: HashMap::new(),
        repeated: 0,
    };
    for event in Parser::new_from_str_with_options(text.strip_prefix('\u{feff}').unwrap_or(text), options) {
        match event {
            Ok((event, span)) => {
                let position = Position { line: span.start.line(), column: span.start.col() + 1 };
                let tag = span.tag_start().map_or(position, |tag| Position { line: tag.line(), column: tag.col() + 1 });
                builder.event(event, position, tag);
            }
            Err(error) => {
                let place = Position { line: error.marker().line(), column: error.marker().col() + 1 };
                builder.problems.push(Problem::at(file, place, format!("not valid YAML: {}", error.info())));
                break;
            }
        }
        if builder.repeated > LARGEST_REPETITION {
            let message = format!(
                "anchors and aliases repeat more than {LARGEST_REPETITION} values: write them out or use fewer"
            );
            builder.problems.push(Problem::of(file, message));
            break;
        }
    }
    if builder.problems.is_empty() { Ok(builder.documents) } else { Err(Problems(builder.problems)) }
}

/// A collection whose end was not seen yet.
enum Open {
    Sequence {
        position: Position,
        anchor: usize,
        items: Vec<Node>,
    },
    Mapping {
        position: Position,
        anchor: usize,
        entries: Vec<(Key, Node)>,
        places: HashMap<String, Position>,
        key: Option<Key>,
        merged: Vec<Node>,
    },
}

struct Builder<'a> {
    file: &'a str,
    problems: Vec<Problem>,
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    repeated: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, position: Position, tag_place: Position) {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let form = self.form(style, tag.as_deref(), tag_place);
                let node = Node { position, kind: Kind::Scalar(Scalar { text: text.into_owned(), form }) };
                self.finish(node, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", tag_place);
                self.open.push(Open::Sequence { position, anchor, items: Vec::new() });
            }
            Event::MappingStart(_, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", tag_place);
                self.open.push(Open::Mapping {
                    position,
                    anchor,
                    entries: Vec::new(),
                    places: HashMap::new(),
                    key: None,
                    merged: Vec::new(),
                });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, position),
            Event::DocumentStart(..) => self.anchors.clear(),
            _ => {}
        }
    }

    fn form(&mut self, style: ScalarStyle, tag: Option<&Tag>, position: Position) -> Form {
        match tag.map(|tag| (tag, tag.core_suffix())) {
            None if style == ScalarStyle::Plain => Form::Plain,
            None | Some((_, Some("str"))) => Form::Text,
            Some((_, Some("int" | "float" | "bool" | "null"))) => Form::Plain,
            Some((tag, _)) if tag.original() == "!" => Form::Text,
            Some((tag, _)) => {
                self.problems.push(Problem::at(
                    self.file,
                    position,
                    format!("the tag {} means nothing here: remove it", tag.original()),
                ));
                Form::Text
            }
        }
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, position: Position) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(expected)) {
            self.problems.push(Problem::at(
                self.file,
                position,
                format!("the tag {} means nothing here: remove it", tag.original()),
            ));
        }
    }

    fn alias(&mut self, anchor: usize, position: Position) {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            self.problems.push(Problem::at(self.file, position, "an alias inside of what it stands for never ends"));
            return self.finish(Node { position, kind: Kind::Sequence(Vec::new()) }, 0);
        };
        self.repeated += size;
        if self.repeated > LARGEST_REPETITION {
            return;
        }
        let node = Node { position, ..node.clone() };
        self.finish(node, 0);
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::Sequence { position, anchor, items }) => {
                self.finish(Node { position, kind: Kind::Sequence(items) }, anchor);
            }
            Some(Open::Mapping { position, anchor, mut entries, mut places, merged, .. }) => {
                for node in merged {
                    self.merge(node, &mut entries, &mut places);
                }
                self.finish(Node { position, kind: Kind::Mapping(entries) }, anchor);
            }
            None => {}
        }
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) {
        if anchor > 0 {
            let size = node.size();
            self.repeated += size;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => {
                let empty = matches!(&node.kind, Kind::Scalar(scalar) if scalar.is_null());
                if !empty {
                    self.documents.push(node);
                }
            }
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, places, key, merged, .. }) => match key.take() {
                None => {
                    let text = if let Kind::Scalar(scalar) = node.kind {
                        scalar.text
                    } else {
                        self.problems.push(Problem::at(
                            self.file,
                            node.position,
                            format!("{} cannot be a key", node.describe()),
                        ));
                        format!("\u{0}{}", node.position)
                    };
                    *key = Some(Key { position: node.position, text });
                }
                // A merge key (YAML 1.1) gives defaults; keys of the mapping itself win.
                Some(key) if key.text == "<<" => merged.push(node),
                Some(key) => {
                    if let Some(first) = places.insert(key.text.clone(), key.position) {
                        let message = format!("the key {:?} appears twice; the first one is in {first}", key.text);
                        self.problems.push(Problem::at(self.file, key.position, message));
                    } else {
                        entries.push((key, node));
                    }
                }
            },
        }
    }

    fn merge(&mut self, node: Node, entries: &mut Vec<(Key, Node)>, places: &mut HashMap<String, Position>) {
        match node.kind {
            Kind::Mapping(defaults) => {
                for (key, value) in defaults {
                    if !places.contains_key(&key.text) {
                        places.insert(key.text.clone(), key.position);
                        entries.push((key, value));
                    }
                }
            }
            Kind::Sequence(items) => items.into_iter().for_each(|item| self.merge(item, entries, places)),
            Kind::Scalar(_) => {
                self.problems.push(Problem::at(
                    self.file,
                    node.position,
                    "the key \"<<\" takes a mapping or a list of mappings",
                ));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        parse("f", text).unwrap_err().to_string()
    }

    #[test]
    fn places_count_from_one() {
        let documents = parse("f", "a: 1\nb:\n  - x\n").unwrap();
        let Kind::Mapping(entries) = &documents[0].kind else { panic!("a mapping") };
        assert_eq!(entries[1].0.position.to_string(), "2:1");
        let Kind::Sequence(items) = &entries[1].1.kind else { panic!("a list") };
        assert_eq!(items[0].position.to_string(), "3:5");
    }

    #[test]
    fn json_is_yaml() {
        assert_eq!(parse("f", "{\"a\": [1, \"x\"]}").unwrap().len(), 1);
    }

    #[test]
    fn empty_documents_do_not_count() {
        assert!(parse("f", "# nothing\n").unwrap().is_empty());
        assert_eq!(parse("f", "a: 1\n---\n---\nb: 2\n").unwrap().len(), 2);
    }

    #[test]
    fn refuses_what_cannot_be_read_one_way_only() {
        assert_eq!(problems("a: 1\na: 2\n"), "f:2:1: the key \"a\" appears twice; the first one is in 1:1");
        assert_eq!(problems("? [x]\n: 1\n"), "f:1:3: a list cannot be a key");
        assert_eq!(problems("a: !python/x 1\n"), "f:1:4: the tag !python/x means nothing here: remove it");
        assert_eq!(problems("a: [1\n"), "f:1:4: not valid YAML: unclosed bracket '['");
    }

    #[test]
    fn aliases_do_not_explode() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let inner = level - 1;
            bomb.extend([format!("a{level}: &a{level} ["), vec![format!("*a{inner}"); 9].join(", "), "]\n".into()]);
        }
        assert!(problems(&bomb).contains("anchors and aliases repeat more than"));
        assert!(problems("a: &a [*a]\n").contains("never ends"), "{}", problems("a: &a [*a]\n"));
        assert!(parse("f", &format!("{}1{}", "[".repeat(5000), "]".repeat(5000))).is_err());
    }

    #[test]
    fn merge_keys_give_defaults() {
        let documents = parse("f", "base: &b {x: 1, y: 2}\nown: {<<: *b, x: 3}\n").unwrap();
        let value = documents[0].to_json();
        assert_eq!(value["own"], serde_json::json!({"x": 3, "y": 2}));
    }
}
