use std::sync::Arc;

use ocm_blob::MemoryBlob;
use ocm_model::{json, yaml};
use ocm_oci::media_type;

use super::Content;
use crate::file::{Dialect, Fields, Node, Reader};

/// The members of which exactly one holds the content.
const FORMS: [&str; 4] = ["text", "json", "formattedJson", "yaml"];

/// A text in the constructor file: exactly one of `text`, `json`, `formattedJson`, `yaml`; `compress`.
#[derive(Clone, Debug)]
pub struct Text {
    content: String,
    media_type: String,
    compress: bool,
}

impl Text {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let given: Vec<(&str, &Node)> =
            FORMS.into_iter().filter_map(|form| Some((form, fields.get(reader, form)?))).collect();
        let media_type = fields.text(reader, "mediaType");
        let compress = fields.truth(reader, "compress").unwrap_or_default();
        let [(form, node)] = given[..] else {
            let state = if given.is_empty() { "has none" } else { "has several" };
            reader.problem(
                fields.position,
                format!("{}: needs exactly one of {}, but {state}", fields.what, FORMS.join(", ")),
            );
            return None;
        };
        let (content, default) = match form {
            "text" => (reader.text(node, &format!("\"text\" of the {}", fields.what))?, "text/plain"),
            "json" => (json::to_string(&node.to_json()), "application/json"),
            "formattedJson" => (indented(node.to_json()), "application/json"),
            _ => (yaml::to_string(&node.to_json()), "application/x-yaml"),
        };
        if content.is_empty() {
            reader.problem(node.position, format!("{}: the text is empty", fields.what));
            return None;
        }
        let media_type = match (reader.dialect, media_type) {
            (Dialect::V1, media_type) => media_type.unwrap_or_else(|| media_type::OCTETS.to_owned()),
            (Dialect::V2, None) => default.to_owned(),
            (Dialect::V2, Some(media_type)) => {
                // The current program knows no such member and ignores it; the stored type must be the same.
                reader.notice(
                    fields.place("mediaType"),
                    format!("{}: the mediaType {media_type:?} is not used; it is {default}", fields.what),
                );
                default.to_owned()
            }
        };
        Some(Self { content, media_type, compress })
    }

    pub(super) fn open(&self, dialect: Dialect) -> Content {
        Content::blob(Arc::new(MemoryBlob::new(self.content.clone())), &self.media_type, self.compress, dialect)
    }
}

/// JSON as Go indents it: sorted, two spaces, the characters that are special in HTML escaped.
fn indented(mut value: serde_json::Value) -> String {
    json::sort(&mut value);
    let text = serde_json::to_string_pretty(&value).unwrap_or_default();
    let special =
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    special.into_iter().fold(text, |text, (letter, escape)| text.replace(letter, escape))
}
