//! What `add componentversions` of the older program prints: which files it read, what it found in them, what it added.

use std::collections::HashSet;
use std::fmt::Write as _;

use ocm::ops::add::Report;
use ocm::ops::get::Node;
use serde_json::Value;

use super::escape::terminal;

/// A constructor file: its name, and how many components each of its documents has.
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) documents: Vec<usize>,
}

/// The lines about reading.
pub(crate) fn read(sources: &[Source]) -> String {
    let mut text = String::new();
    let mut found = 0;
    for source in sources {
        let _ = writeln!(text, "processing {}...", terminal(&source.name));
        for (document, components) in source.documents.iter().enumerate() {
            let _ = writeln!(text, "  processing document {}...", document + 1);
            for index in 1..=*components {
                let _ = writeln!(text, "    processing index {index}");
            }
            found += components;
        }
    }
    let _ = writeln!(text, "found {found} component{}", if found == 1 { "" } else { "s" });
    text
}

/// The lines about components, as their constructor files have them. `version` is the one of components that name none.
pub(crate) fn added(specification: &[Value], version: Option<&str>) -> String {
    let mut text = String::new();
    for component in specification {
        let version = component.get("version").and_then(Value::as_str).or(version).unwrap_or_default();
        let _ = writeln!(text, "adding component {}:{}...", member(component, "name"), terminal(version));
        for (list, kind) in [("resources", "resource"), ("sources", "source")] {
            for element in elements(component, list) {
                let version = Some(member(element, "version")).filter(|version| !version.is_empty());
                let version = version.unwrap_or_else(|| "<componentversion>".into());
                let _ =
                    writeln!(text, "  adding {kind} {}: {}...", member(element, "type"), identity(element, &version));
            }
        }
        for reference in elements(component, "references").chain(elements(component, "componentReferences")) {
            let version = member(reference, "version");
            let _ = writeln!(
                text,
                "  adding reference {}: {}...",
                member(reference, "componentName"),
                identity(reference, &version)
            );
        }
    }
    text
}

/// The lines about referenced component versions that were copied, below the ones that were added.
pub(crate) fn completed(report: &Report) -> String {
    let mut text = String::new();
    let mut open: HashSet<(&str, &str)> =
        report.copied.iter().map(|item| (item.component.as_str(), item.version.as_str())).collect();
    for added in &report.versions {
        let name = terminal(&format!("{}:{}", added.component, added.version));
        let _ = writeln!(text, "completing {name}...");
        if let Some(node) = find(&report.roots, &added.component, &added.version) {
            copied(&mut text, &node.children, &mut open, "  ");
        }
    }
    text
}

fn find<'a>(nodes: &'a [Node], component: &str, version: &str) -> Option<&'a Node> {
    nodes.iter().find_map(|node| {
        if node.component == component && node.version == version {
            return Some(node);
        }
        find(&node.children, component, version)
    })
}

fn copied<'a>(text: &mut String, nodes: &'a [Node], open: &mut HashSet<(&'a str, &'a str)>, indent: &str) {
    for node in nodes {
        if !open.remove(&(node.component.as_str(), node.version.as_str())) {
            continue;
        }
        let name = terminal(&format!("{}:{}", node.component, node.version));
        let _ = writeln!(text, "{indent}transferring version \"{name}\"...");
        copied(text, &node.children, open, &format!("{indent}  "));
        let resources = node.descriptor.iter().flat_map(|descriptor| &descriptor.component.resources).enumerate();
        for (position, resource) in resources.filter(|(_, resource)| resource.access.text("localReference").is_some()) {
            let what = terminal(&format!("{}[{}]", resource.name, resource.kind));
            let _ = writeln!(text, "{indent}...resource {position} {what}...");
        }
        let _ = writeln!(text, "{indent}...adding component version...");
    }
}

fn elements<'a>(component: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    component.get(list).and_then(Value::as_array).into_iter().flatten()
}

fn member(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).map(terminal).unwrap_or_default()
}

fn identity(element: &Value, version: &str) -> String {
    let extra = element.get("extraIdentity").and_then(Value::as_object).into_iter().flatten();
    let mut attributes: Vec<(String, String)> =
        extra.map(|(key, value)| (terminal(key), terminal(value.as_str().unwrap_or_default()))).collect();
    attributes.push(("name".into(), member(element, "name")));
    attributes.push(("version".into(), version.into()));
    attributes.sort();
    attributes.iter().map(|(key, value)| format!("\"{key}\"=\"{value}\"")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_documents_and_components_are_counted() {
        let sources = [Source { name: "a.yaml".into(), documents: vec![1, 2] }];
        let expected = "processing a.yaml...\n  processing document 1...\n    processing index 1\n  processing document 2...\n    processing index 1\n    processing index 2\nfound 3 components\n";
        assert_eq!(read(&sources), expected);
    }

    #[test]
    fn a_version_that_follows_the_component_is_named_so() {
        let component = json!({"name": "acme.org/a", "version": "1.0.0", "resources": [{"name": "r", "type": "blob", "extraIdentity": {"os": "x"}}],
            "componentReferences": [{"name": "lib", "version": "2.0.0", "componentName": "acme.org/lib"}]});
        let expected = "adding component acme.org/a:1.0.0...\n  adding resource blob: \"name\"=\"r\",\"os\"=\"x\",\"version\"=\"<componentversion>\"...\n  adding reference acme.org/lib: \"name\"=\"lib\",\"version\"=\"2.0.0\"...\n";
        assert_eq!(added(&[component], None), expected);
    }
}
