use std::fmt;
use std::sync::Arc;

use ocm_model::yaml;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

/// The text that a document was read from, so that messages can say where in it something stands.
///
/// All texts are equal: where a document was read from is no part of what it says.
#[derive(Clone, Default)]
pub struct Text(Option<Arc<Read>>);

struct Read {
    name: String,
    text: String,
}

/// The same document with the places of its nodes instead of their content.
#[derive(Deserialize)]
struct Lines {
    transformations: Vec<Spanned<IgnoredAny>>,
}

impl Text {
    pub(super) fn new(name: &str, text: &str) -> Self {
        Self(Some(Arc::new(Read { name: name.to_owned(), text: text.to_owned() })))
    }

    /// `file:line:column: ` of a node by its position; empty if that is not known.
    ///
    /// The text is read once more for it: only a document that is wrong pays for its places.
    pub(super) fn at(&self, position: usize) -> String {
        let Some(read) = &self.0 else { return String::new() };
        let lines = yaml::read::<Lines>(&read.text).ok();
        match lines.as_ref().and_then(|lines| lines.transformations.get(position)) {
            Some(node) => format!("{}:{}:{}: ", read.name, node.referenced.line(), node.referenced.column()),
            None => format!("{}: ", read.name),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Text").field(&self.0.as_ref().map(|read| &read.name)).finish()
    }
}
