//! The form of what `get component-version -o json` and `add component-version -o json` print.

use schemars::{Schema, json_schema};

/// A list of component descriptors in the form of schema `v2`; lists without items are `null`.
pub(crate) fn descriptors() -> Schema {
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "ComponentVersions",
        "description": "component descriptors (schema v2), parents before what they refer to",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["meta", "component"],
            "properties": {
                "meta": {"type": "object", "required": ["schemaVersion"], "properties": {"schemaVersion": {"const": "v2"}}},
                "component": {
                    "type": "object",
                    "required": ["name", "version", "provider", "repositoryContexts", "resources", "sources", "componentReferences"],
                    "properties": {
                        "name": {"type": "string"},
                        "version": {"type": "string"},
                        "provider": {"type": "string", "description": "a name, or with labels a JSON document as text"},
                        "creationTime": {"type": "string", "format": "date-time"},
                        "labels": {"type": "array", "items": {"$ref": "#/$defs/label"}},
                        "repositoryContexts": {"type": ["array", "null"], "items": {"$ref": "#/$defs/typed"}},
                        "resources": {"type": ["array", "null"], "items": {"$ref": "#/$defs/artifact"}},
                        "sources": {"type": ["array", "null"], "items": {"$ref": "#/$defs/artifact"}},
                        "componentReferences": {"type": ["array", "null"], "items": {"$ref": "#/$defs/reference"}},
                    },
                },
                "signatures": {"type": "array", "items": {"type": "object", "required": ["name", "digest", "signature"]}},
            },
        },
        "$defs": {
            "typed": {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}},
            "label": {"type": "object", "required": ["name", "value"], "properties": {"name": {"type": "string"}}},
            "artifact": {
                "type": "object",
                "required": ["name", "version", "type", "access"],
                "properties": {
                    "name": {"type": "string"},
                    "version": {"type": "string"},
                    "type": {"type": "string"},
                    "relation": {"enum": ["local", "external"]},
                    "extraIdentity": {"type": "object", "additionalProperties": {"type": "string"}},
                    "access": {"$ref": "#/$defs/typed"},
                    "digest": {"$ref": "#/$defs/digest"},
                },
            },
            "reference": {
                "type": "object",
                "required": ["name", "version", "componentName"],
                "properties": {
                    "name": {"type": "string"},
                    "version": {"type": "string"},
                    "componentName": {"type": "string"},
                    "digest": {"$ref": "#/$defs/digest"},
                },
            },
            "digest": {
                "type": "object",
                "required": ["hashAlgorithm", "normalisationAlgorithm", "value"],
                "additionalProperties": {"type": "string"},
            },
        },
    })
}
