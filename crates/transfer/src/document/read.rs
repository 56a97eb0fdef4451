use ocm_model::{json, yaml};

use super::{Document, Text};
use crate::{Error, Result};

/// Largest document that is read, in bytes: two hundred times a component of 400 resources.
const SIZE_LIMIT: usize = 64 << 20;

/// Nodes in one document.
const NODE_LIMIT: usize = 200_000;

/// Reads a document in YAML or JSON. `name` is what errors call it: its file.
///
/// # Errors
/// The text is too long, is neither YAML nor JSON, or has members that no document has.
pub fn read(name: &str, text: &[u8]) -> Result<Document> {
    let fail = |reason: String| Error::Document(format!("{name}: {reason}"));
    if text.len() > SIZE_LIMIT {
        return Err(fail(format!("is larger than {} MiB", SIZE_LIMIT >> 20)));
    }
    let text = std::str::from_utf8(text).map_err(|error| fail(format!("is not UTF-8: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Every JSON document is YAML, up to escapes of characters beyond U+FFFF; YAML finds members that stand twice.
    let parsed = yaml::read::<Document>(text).or_else(|error| match serde_json::from_str(text) {
        Ok(document) if text.contains("\\ud") || text.contains("\\uD") => Ok(document),
        _ => {
            let at = error.location().map(|at| format!(":{}:{}", at.line(), at.column())).unwrap_or_default();
            let reason = error.to_string();
            let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
            Err(Error::Document(format!("{name}{at}: is no transformation document: {reason}")))
        }
    });
    let mut document = parsed?;
    document.text = Text::new(name, text);
    if document.transformations.is_empty() {
        return Err(fail("is no transformation document: it has no transformations".into()));
    }
    if document.transformations.len() > NODE_LIMIT {
        return Err(fail(format!("has more than {NODE_LIMIT} transformations")));
    }
    document.environment.sort_keys();
    document.environment.values_mut().for_each(json::sort);
    for transformation in &mut document.transformations {
        transformation.spec.sort_keys();
        transformation.spec.values_mut().for_each(json::sort);
    }
    Ok(document)
}
