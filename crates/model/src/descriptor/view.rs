use serde_json::{Value, json};

use super::Descriptor;
use crate::json;

impl Descriptor {
    /// The descriptor as listings print it in JSON and YAML, which scripts parse: members in their usual order with
    /// those of an access sorted, `null` for lists without items, and a digest of three empty texts in references
    /// without one.
    pub fn view(&self) -> Value {
        let mut tree = self.tree();
        let component = &mut tree["component"];
        for list in ["repositoryContexts", "resources", "sources", "componentReferences"] {
            let Value::Array(items) = &mut component[list] else { continue };
            if items.is_empty() {
                component[list] = Value::Null;
                continue;
            }
            for item in items {
                match list {
                    "repositoryContexts" => json::sort(item),
                    "componentReferences" if item.get("digest").is_none() => {
                        item["digest"] = json!({"hashAlgorithm": "", "normalisationAlgorithm": "", "value": ""});
                    }
                    "componentReferences" => {}
                    _ => json::sort(&mut item["access"]),
                }
            }
        }
        tree
    }
}
