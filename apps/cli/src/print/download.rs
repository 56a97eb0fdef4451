//! What was downloaded.

use ocm::ops::download::{Item, Report};
use ocm::ops::transfer;

use super::escape::terminal;

/// One line per file, as the older program prints it.
pub(crate) fn written(report: &Report) -> String {
    report.items.iter().map(written_line).collect()
}

fn written_line(item: &Item) -> String {
    format!("{}: {} byte(s) written\n", path(item), item.bytes)
}

/// One line per file, which for a layout also says what it is and which name the image has in it.
pub(crate) fn saved_layouts(report: &Report) -> String {
    let line = |item: &Item| match (&item.tag, &item.version, &item.element_type) {
        (Some(tag), Some(version), Some(kind)) => format!(
            "Resource '{}' (type: {}, version: {}) saved to: {} with tag: {}\n",
            terminal(name(item)),
            terminal(kind),
            terminal(version),
            path(item),
            terminal(tag)
        ),
        _ => written_line(item),
    };
    report.items.iter().map(line).collect()
}

/// One line per artifact, as the older program prints it.
pub(crate) fn downloaded(report: &Report) -> String {
    report.items.iter().map(|item| format!("{}: downloaded\n", path(item))).collect::<Vec<_>>().concat()
}

/// The line of an archive with component versions.
pub(crate) fn saved(report: &transfer::Report) -> String {
    format!("{}: downloaded\n", terminal(&report.target))
}

fn path(item: &Item) -> String {
    terminal(&item.path.display().to_string())
}

/// The name in an identity such as `name=image,version=1.0.0`.
fn name(item: &Item) -> &str {
    item.identity.get("name").map_or("", String::as_str)
}
