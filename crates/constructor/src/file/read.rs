use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::component::Component;
use super::fields::Reader;
use super::tree::{Kind, Node};
use crate::problem::{Problem, Problems};
use crate::template::{self, Engine, Variables};

/// Whose rules a file follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// The older program: `references`, keys in any case, labels of any value, media types of its inputs.
    V1,
    /// The current program.
    #[default]
    V2,
}

/// One constructor file.
#[derive(Clone, Debug)]
pub struct Text {
    /// Name of the file, for messages.
    pub name: String,
    /// Its content.
    pub content: String,
    /// Folder against which the paths of its inputs are read and which they may not leave.
    pub folder: PathBuf,
}

/// How constructor files are to be read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Whose rules the files follow.
    pub dialect: Dialect,
    /// What replaces variables in them.
    pub engine: Engine,
    /// The variables.
    pub variables: Variables,
    /// Version of components that have none.
    pub default_version: Option<String>,
    /// Whether a variable that is not set becomes an empty text instead of an error (engine `subst` only).
    pub allow_unset: bool,
    /// Input types that are not known here, and that the sources of the build know.
    pub foreign_inputs: Vec<String>,
    /// Whether components keep what was written ([`Component::written`]), which takes as much memory as all the rest of them.
    pub keep_written: bool,
}

/// All components of some constructor files.
#[derive(Clone, Debug, Default)]
pub struct Constructor {
    /// The components in the order of the files.
    pub components: Vec<Component>,
    /// What is right but probably not meant.
    pub notices: Vec<Problem>,
}

/// Reads constructor files.
///
/// # Errors
/// Everything that is wrong with any of them, each with its place.
pub fn read(texts: &[Text], reading: &Reading) -> Result<Constructor, Problems> {
    let mut constructor = Constructor::default();
    let mut problems = Vec::new();
    for text in texts {
        match read_one(text, reading, &mut constructor.notices) {
            Ok(components) => constructor.components.extend(components),
            Err(Problems(found)) => problems.extend(found),
        }
    }
    let mut places: HashMap<(&str, &str), &Component> = HashMap::new();
    for component in &constructor.components {
        let key = (component.name.as_str(), component.version.as_str());
        if let Some(first) = places.get(&key) {
            let message = format!(
                "the component version {} appears twice; the first one is in {}:{}",
                component.title(),
                first.file,
                first.position
            );
            problems.push(Problem::at(&component.file, component.position, message));
        } else {
            places.insert(key, component);
        }
    }
    if problems.is_empty() { Ok(constructor) } else { Err(Problems(problems)) }
}

fn read_one(text: &Text, reading: &Reading, notices: &mut Vec<Problem>) -> Result<Vec<Component>, Problems> {
    let documents = template::documents(text, reading, notices)?;
    if documents.is_empty() {
        return Err(Problems::one(Problem::of(&text.name, "describes no component: the file is empty")));
    }
    let mut reader = Reader {
        file: &text.name,
        dialect: reading.dialect,
        foreign_inputs: &reading.foreign_inputs,
        keep_written: reading.keep_written,
        problems: Vec::new(),
        notices: Vec::new(),
    };
    let folder = Arc::new(text.folder.clone());
    let mut components = Vec::new();
    for document in &documents {
        for node in component_nodes(&mut reader, document) {
            components.extend(Component::read(&mut reader, node, &folder, reading.default_version.as_deref()));
        }
    }
    notices.append(&mut reader.notices);
    if reader.problems.is_empty() { Ok(components) } else { Err(Problems(reader.problems).sorted()) }
}

/// The components of a document: the document itself, the one below `component`, or the list below `components`.
fn component_nodes<'n>(reader: &mut Reader<'_>, document: &'n Node) -> Vec<&'n Node> {
    let Kind::Mapping(entries) = &document.kind else {
        let message = format!("a component or a list \"components\" is expected, but this is {}", document.describe());
        reader.problem(document.position, message);
        return Vec::new();
    };
    let wrapper = entries.iter().find(|(key, _)| matches!(key.text.as_str(), "components" | "component"));
    let Some((key, node)) = wrapper else { return vec![document] };
    for (other, _) in entries.iter().filter(|(other, _)| other.text != key.text) {
        reader.problem(
            other.position,
            format!("the key {:?} cannot stand beside {:?}: move it into the component", other.text, key.text),
        );
    }
    match &node.kind {
        Kind::Mapping(_) if key.text == "component" => vec![node],
        Kind::Sequence(items) if key.text == "components" && !items.is_empty() => items.iter().collect(),
        Kind::Sequence(_) if key.text == "components" => {
            reader.problem(key.position, "the list \"components\" is empty");
            Vec::new()
        }
        _ => {
            let expected = if key.text == "component" { "a mapping" } else { "a list" };
            reader.problem(node.position, format!("{:?} must be {expected}, but is {}", key.text, node.describe()));
            Vec::new()
        }
    }
}
