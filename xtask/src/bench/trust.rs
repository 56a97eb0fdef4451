//! Verifying a large signed tree without a network, with one processor and with two; how fast a normal form is made.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use super::Bench;
use super::measure::{Measured, best};
use super::workload;
use crate::report::Row;

/// Component versions in the tree: the root, and below it those that refer to each other in groups.
const VERSIONS: usize = 1_000;
/// Resources of each, with labels that are signed.
const RESOURCES: usize = 20;
/// Resources of the one large version whose normal form is made.
const MANY: usize = 100_000;
/// Time with two processors, as part of the time with one; 0.5 would be linear.
const SCALES: f64 = 0.65;
/// Memory that verifying the tree may take: what stays of a version that others refer to is its digest.
const TREE_MEMORY: u64 = 64 << 20;
/// Bytes of normal form per second, everything from the start of the program on included.
const FORM: f64 = 40e6;

/// A signed tree of 1,000 component versions, and the normal form of a large one.
pub(super) fn tree(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let folder = bench.folder.join("trust");
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let ocm = |words: &str| {
        let mut command = Command::new(&bench.ocm);
        command.args(words.split(' ')).current_dir(&folder).env("HOME", &folder);
        command
    };
    write("tree.yaml", &constructor())?;
    workload::shell(&mut ocm("create rsakeypair a.priv a.pub"))?;
    workload::shell(&mut ocm("add cv -c tree.yaml -r tree"))?;
    workload::shell(&mut ocm("sign cv --signature a --private-key a.priv --compat v2 tree//acme.org/root:1.0.0"))?;
    let verify = "verify cv --compat v2 --signature a --public-key a.pub tree//acme.org/root:1.0.0";
    let run = |processors: &str| -> Result<Measured, String> {
        best(
            bench.options.rounds,
            || Ok(()),
            || {
                let mut command = Command::new("taskset");
                command
                    .args(["-c", processors])
                    .arg(&bench.ocm)
                    .args(verify.split(' '))
                    .current_dir(&folder)
                    .env("HOME", &folder);
                command
            },
        )
    };
    let (one, two) = (run("0")?, run("0,1")?);
    let ratio = two.seconds() / one.seconds();
    let tree = Row {
        work: format!("verify a signed tree of {VERSIONS} component versions offline, two processors against one"),
        ours: two.shown(),
        against: format!("{} with one processor", one.shown()),
        ratio: Some(ratio),
        memory: two.memory(),
        bar: format!("≤ {SCALES} ×, ≤ {} MiB", TREE_MEMORY >> 20),
        met: ratio <= SCALES && two.memory().is_none_or(|memory| memory <= TREE_MEMORY),
    };
    Ok(vec![tree, form(bench, &folder)?])
}

/// The normal form of a version with very many resources.
fn form(bench: &Bench<'_>, folder: &Path) -> Result<Row, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let archive = folder.join("large");
    let blobs = archive.join("blobs");
    std::fs::create_dir_all(&blobs).map_err(|error| failed(&blobs, error))?;
    let path = archive.join("component-descriptor.yaml");
    std::fs::write(&path, large()).map_err(|error| failed(&path, error))?;
    // Into an archive as it is used today; the one with a YAML file is only quick to write.
    let place = folder.join("large-archive");
    workload::shell(Command::new(&bench.ocm).args(["transfer", "cv"]).arg(&archive).arg(&place).env("HOME", folder))?;
    let printed = folder.join("form");
    let command = || {
        let mut command = Command::new(&bench.ocm);
        let version = format!("{}//acme.org/large:1.0.0", place.display());
        command.args(["hash", "cv", "-o", "norm", "-O"]).arg(&printed).arg(version).env("HOME", folder);
        command
    };
    let run = best(bench.options.rounds, || Ok(()), command)?;
    let size = std::fs::metadata(&printed).map_err(|error| failed(&printed, error))?.len();
    let rate = size as f64 / run.seconds();
    Ok(Row {
        work: format!("normal form of a component version with {MANY} resources, {:.1} MB", size as f64 / 1e6),
        ours: format!("{}, {:.0} MB/s", run.shown(), rate / 1e6),
        against: "–".to_owned(),
        ratio: None,
        memory: run.memory(),
        bar: format!("≥ {:.0} MB/s", FORM / 1e6),
        met: rate >= FORM,
    })
}

fn constructor() -> String {
    let mut text = String::from("components:\n");
    for number in 1..VERSIONS {
        component(&mut text, &format!("part-{number}"));
        // Ten on the way to each root.
        if number % 10 != 0 {
            let _ = writeln!(
                text,
                "  componentReferences: [{{name: next, componentName: acme.org/part-{}, version: 1.0.0}}]",
                number + 1
            );
            if number + 1 == VERSIONS {
                text.truncate(text.rfind("  componentReferences").unwrap_or(text.len()));
            }
        }
    }
    component(&mut text, "root");
    text.push_str("  componentReferences:\n");
    for number in (1..VERSIONS).step_by(10) {
        let _ = writeln!(text, "  - {{name: part-{number}, componentName: acme.org/part-{number}, version: 1.0.0}}");
    }
    text
}

fn component(text: &mut String, name: &str) {
    let _ = write!(text, "- name: acme.org/{name}\n  version: 1.0.0\n  provider: {{name: acme.org}}\n  resources:\n");
    for number in 0..RESOURCES {
        let _ = writeln!(
            text,
            "  - {{name: r-{number}, type: plainText, labels: [{{name: l, signing: true, value: {{n: {number}, a: b}}}}], \
             input: {{type: utf8, text: same}}}}"
        );
    }
}

/// A descriptor as it is stored.
fn large() -> String {
    let mut text = String::from(
        "{\"meta\":{\"schemaVersion\":\"v2\"},\"component\":{\"name\":\"acme.org/large\",\"version\":\"1.0.0\",\"provider\":\"acme.org\",\
         \"repositoryContexts\":[],\"sources\":[],\"componentReferences\":[],\"resources\":[",
    );
    for number in 0..MANY {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(
            text,
            "{comma}{{\"name\":\"r-{number}\",\"type\":\"x\",\"version\":\"1\",\"relation\":\"external\",\"access\":{{\"type\":\"none\"}}}}"
        );
    }
    text.push_str("]}}");
    text
}
