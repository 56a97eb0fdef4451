//! Built-in types as tables, and the JSON Schemas that follow from them.

use serde_json::{Map, Value, json};

use super::Type;

/// Where the schemas of the Go program say they are from; tools that were given one of them recognise it by this.
const SCHEMAS: &str = "ocm.software/open-component-model/bindings/go/";

/// Name of the schema of type names.
const TYPE: &str = "ocm.software.open-component-model.bindings.go.runtime.Type";

/// A built-in type.
pub(super) struct Known {
    /// The names that objects have; the first is the one lists show. Those without a version are deprecated.
    pub(super) names: &'static [&'static str],
    /// The names in the order of the schema, where that is another one.
    pub(super) order: &'static [&'static str],
    /// Where the schema of the Go program lies; empty for types that it does not have.
    pub(super) schema: &'static str,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) members: &'static [Member],
    /// Whether lists of the Go program lack it.
    pub(super) is_additional: bool,
}

impl Known {
    /// A type that the Go program has, too, in its lists. `schema` is where its schema lies there.
    pub(super) const fn listed(
        names: &'static [&'static str],
        schema: &'static str,
        title: &'static str,
        description: &'static str,
        members: &'static [Member],
    ) -> Self {
        Self { names, order: &[], schema, title, description, members, is_additional: false }
    }

    /// A type that the lists of the Go program lack.
    pub(super) const fn additional(
        names: &'static [&'static str],
        title: &'static str,
        description: &'static str,
        members: &'static [Member],
    ) -> Self {
        Self { is_additional: true, ..Self::listed(names, "", title, description, members) }
    }

    /// The same type, with the place of its schema in the Go program.
    pub(super) const fn under(self, schema: &'static str) -> Self {
        Self { schema, ..self }
    }

    /// The same type, with the order that its names have in the schema.
    pub(super) const fn in_order(self, order: &'static [&'static str]) -> Self {
        Self { order, ..self }
    }
}

/// A member of a type.
pub(super) struct Member {
    name: &'static str,
    kind: Form,
    is_required: bool,
    description: &'static str,
}

/// What a member may hold.
enum Form {
    Text,
    Truth,
    Number,
    Texts,
    Object,
    Objects,
    NumberOrText,
    /// An object with these members.
    Fields(&'static [Member]),
    /// Objects with these members.
    Entries(&'static [Member]),
    /// Objects of texts by name.
    TextsByName,
    Any,
    Choice(&'static [&'static str]),
}

macro_rules! forms {
    ($($function:ident $form:ident),*) => {
        $(pub(super) const fn $function(name: &'static str, description: &'static str) -> Member {
            Member { name, kind: Form::$form, is_required: false, description }
        })*
    };
}

forms!(text Text, truth Truth, number Number, texts Texts, object Object, objects Objects, number_or_text NumberOrText, texts_by_name TextsByName, any Any);

/// One of some texts.
pub(super) const fn choice(name: &'static str, options: &'static [&'static str], description: &'static str) -> Member {
    Member { name, kind: Form::Choice(options), is_required: false, description }
}

/// An object with members of its own.
pub(super) const fn fields(name: &'static str, members: &'static [Member], description: &'static str) -> Member {
    Member { name, kind: Form::Fields(members), is_required: false, description }
}

/// Objects with members of their own.
pub(super) const fn entries(name: &'static str, members: &'static [Member], description: &'static str) -> Member {
    Member { name, kind: Form::Entries(members), is_required: false, description }
}

/// The schema of an object with some members, which are all that it has.
fn object_of(members: &[Member]) -> Value {
    let properties: Map<String, Value> =
        members.iter().map(|member| (member.name.to_owned(), member.schema())).collect();
    let required = members.iter().filter(|member| member.is_required).map(|member| member.name);
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    let required: Vec<&str> = required.collect();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

impl Member {
    /// The same member, which has to be there.
    pub(super) const fn required(self) -> Self {
        Self { is_required: true, ..self }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Form::Text => json!({"type": "string"}),
            Form::Truth => json!({"type": "boolean"}),
            Form::Number => json!({"type": "integer"}),
            Form::Texts => json!({"type": "array", "items": {"type": "string"}}),
            Form::Object => json!({"type": "object"}),
            Form::Objects => json!({"type": "array", "items": {"type": "object"}}),
            Form::NumberOrText => json!({"type": ["integer", "string"]}),
            Form::TextsByName => json!({"type": "object", "additionalProperties": {"type": "string"}}),
            Form::Fields(members) => object_of(members),
            Form::Entries(members) => json!({"type": "array", "items": object_of(members)}),
            Form::Any => json!({}),
            Form::Choice(options) => json!({"type": "string", "enum": options}),
        };
        schema["description"] = self.description.into();
        schema
    }
}

impl Known {
    pub(super) fn to_type(&self) -> Type {
        let mut names = self.names.iter().map(|name| (*name).to_owned());
        Type {
            name: names.next().unwrap_or_default(),
            aliases: names.collect(),
            plugin: None,
            is_additional: self.is_additional,
            schema: self.schema(),
        }
    }

    fn schema(&self) -> Value {
        let order = if self.order.is_empty() { self.names } else { self.order };
        let names: Vec<Value> =
            order
                .iter()
                .map(|name| {
                    if name.contains('/') { json!({"const": name}) } else { json!({"deprecated": true, "const": name}) }
                })
                .collect();
        let kind = json!({"$ref": format!("#/$defs/{TYPE}"), "oneOf": names});
        let members = self.members.iter().map(|member| (member.name, member.schema()));
        let mut properties: Vec<(&str, Value)> = members.chain([("type", kind)]).collect();
        properties.sort_by_key(|(name, _)| *name);
        let properties: Map<String, Value> =
            properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        let required = self.members.iter().filter(|member| member.is_required).map(|member| member.name);
        let required: Vec<&str> = std::iter::once("type").chain(required).collect();
        let mut schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema"});
        if !self.schema.is_empty() {
            schema["$comment"] = "generated by the ocm schema generation tool".into();
            schema["$id"] = format!("{SCHEMAS}{}.schema.json", self.schema).into();
        }
        schema["title"] = self.title.into();
        schema["type"] = "object".into();
        schema["description"] = self.description.into();
        schema["properties"] = Value::Object(properties);
        schema["required"] = required.into();
        schema["additionalProperties"] = false.into();
        schema["$defs"] = json!({TYPE: {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$comment": "this core runtime schema was automatically included by the ocm schema generation tool to allow introspection",
            "title": "Type",
            "type": "string",
            "description": "Type represents a structured type with an optional version and a name. It is used to identify the type of an object in a versioned API.",
            "pattern": "^([a-zA-Z0-9][a-zA-Z0-9.]*)(?:/(v[0-9]+(?:alpha[0-9]+|beta[0-9]+)?))?$",
        }});
        schema
    }
}
