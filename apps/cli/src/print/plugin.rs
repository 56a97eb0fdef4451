//! Plugins as tables and for programs.

use std::fmt::Write as _;

use ocm::ops::plugin::{Installed, List, Listed};
use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::escape::terminal;
use super::table::Table;
use super::{Structure, list as structured_list, object};
use crate::args::PluginForm;
use crate::exit::Failure;

/// The plugins in the plugin folders, and what is left out.
pub(crate) fn list(list: &List) -> String {
    if list.plugins.is_empty() && list.left_out.is_empty() {
        return "There are no plugins.\n".to_owned();
    }
    let mut table = Table::new(&["PLUGIN", "CAPABILITY", "TYPES", "PATH"]);
    for plugin in &list.plugins {
        let path = plugin.path.display().to_string();
        for offered in &plugin.capabilities {
            table.row([&plugin.name, &offered.capability, &offered.types.join(", "), &path]);
        }
    }
    let mut text = if table.is_empty() { String::new() } else { table.ruled(&[0, 3]) };
    if !list.left_out.is_empty() {
        let mut table = Table::new(&["LEFT OUT", "REASON"]);
        for fault in &list.left_out {
            table.row([&fault.path.display().to_string(), &fault.reason]);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&table.ruled(&[0]));
    }
    text
}

/// The same for programs: with one line per plugin, those that can be used.
pub(crate) fn structured(list: &List, form: Structure) -> Result<String, Failure> {
    match form {
        Structure::Ndjson => {
            structured_list(form, list.plugins.iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
        }
        form => object(form, list),
    }
}

/// The plugins of registries.
pub(crate) fn listed(plugins: &[Listed], form: PluginForm) -> Result<String, Failure> {
    let values = || plugins.iter().map(serde_json::to_value).collect::<Result<Vec<Value>, _>>();
    match form {
        PluginForm::Table | PluginForm::Wide => {
            let is_wide = form == PluginForm::Wide;
            let headings = ["NAME", "VERSION", "PLATFORMS", "DESCRIPTION", "REGISTRY"];
            let mut table = Table::new(&headings[..if is_wide { 5 } else { 4 }]);
            for plugin in plugins {
                let platforms = plugin.platforms.join(", ");
                let cells = [&plugin.name, &plugin.version, &platforms, &plugin.description, &plugin.registry]
                    .map(String::as_str);
                table.row(&cells[..if is_wide { 5 } else { 4 }]);
            }
            Ok(table.ruled(&[0, 1, 3]))
        }
        PluginForm::Json => structured_list(Structure::Json, values()?),
        PluginForm::Ndjson => structured_list(Structure::Ndjson, values()?),
        PluginForm::Yaml => Ok(yaml(plugins)),
    }
}

/// YAML in the form that the older program gives these reports: members in the order of the JSON, inner lists further to the right.
fn yaml(plugins: &[Listed]) -> String {
    let scalar = |text: &str| ocm::model::yaml::to_string(&Value::from(text)).trim_end().to_owned();
    let mut text = if plugins.is_empty() { "[]\n".to_owned() } else { String::new() };
    for plugin in plugins {
        let platforms = if plugin.platforms.is_empty() {
            " []\n".to_owned()
        } else {
            let entries = plugin.platforms.iter().map(|platform| format!("    - {}\n", scalar(platform)));
            format!("\n{}", entries.collect::<Vec<_>>().concat())
        };
        let [name, version, description, registry, component] =
            [&plugin.name, &plugin.version, &plugin.description, &plugin.registry, &plugin.component].map(|text| {
                // A text of several lines on one line, whatever is around it.
                if text.contains('\n') { Value::from(text.as_str()).to_string() } else { scalar(text) }
            });
        // Writing to a text does not fail.
        let _ = write!(
            text,
            "- name: {name}\n  version: {version}\n  platforms:{platforms}  description: {description}\n  registry: {registry}\n  component: {component}\n"
        );
    }
    text
}

/// The plugin that was installed, in a box.
pub(crate) fn installed(installed: &Installed) -> String {
    let location = installed.location.display().to_string();
    let row = [
        ("PLUGIN", &installed.plugin),
        ("VERSION", &installed.version),
        ("SOURCE", &installed.source),
        ("TYPE", &installed.kind),
        ("IDENTITY", &installed.identity),
        ("LOCATION", &location),
    ];
    let cells = row.map(|(heading, cell)| (heading, terminal(cell)));
    let widths = cells.each_ref().map(|(heading, cell)| heading.width().max(cell.width()));
    let rule = |left: &str, middle: &str, right: &str| {
        let bars = widths.map(|width| "─".repeat(width + 2));
        format!("{left}{}{right}\n", bars.join(middle))
    };
    let line = |text: &dyn Fn(usize) -> String| {
        let filled = |(column, width): (usize, &usize)| {
            let text = text(column);
            format!(" {text}{} ", " ".repeat(width.saturating_sub(text.width())))
        };
        format!("│{}│\n", widths.iter().enumerate().map(filled).collect::<Vec<_>>().join("│"))
    };
    [
        rule("┌", "┬", "┐"),
        line(&|column| cells[column].0.to_owned()),
        rule("├", "┼", "┤"),
        line(&|column| cells[column].1.clone()),
        rule("└", "┴", "┘"),
    ]
    .concat()
}
