use ocm_model::yaml;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Text;

/// A transfer as a document: constants, and the nodes that use them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Constants by name: the component descriptors that are transferred.
    #[serde(default)]
    pub environment: Map<String, Value>,
    /// What happens. The order is the one of publication; what needs what is said by expressions.
    #[serde(default)]
    pub transformations: Vec<Transformation>,
    /// Where it was read from.
    #[serde(skip)]
    pub text: Text,
}

/// One node of a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transformation {
    /// What it does: `OCIAddLocalResource/v1alpha1`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name in expressions.
    pub id: String,
    /// What a person calls it. Later versions of the older program write it; it has no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it does it with; texts may be or contain expressions, `${…}`.
    #[serde(default)]
    pub spec: Map<String, Value>,
}

impl Document {
    /// The document as YAML, byte for byte as the older program writes it.
    pub fn to_yaml(&self) -> String {
        self.yaml().collect()
    }

    /// The same, piece by piece: the text of a large document is as large as it is.
    pub fn yaml(&self) -> impl Iterator<Item = String> {
        let head = if self.transformations.is_empty() { "transformations: []\n" } else { "transformations:\n" };
        // Texts, finite numbers and maps with text keys only: there is nothing in it that JSON cannot say.
        let item = |node: &Transformation| {
            yaml::to_string_folded(&Value::Array(vec![serde_json::to_value(node).unwrap_or_default()]))
        };
        [yaml::member_to_string_folded("environment", &self.environment), head.to_owned()]
            .into_iter()
            .chain(self.transformations.iter().map(item))
    }
}
