//! Compares what the crates use (`cargo metadata`) with the tables in ARCHITECTURE.md.
//!
//! Two fenced blocks are read: `arrows` (which crate of the workspace may use which) and `only` (which crates of others
//! may be used by whom). Dependencies for development are free: a test may stand on whatever proves its point.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A row of a table: the name on the left of the arrow and the names on its right.
type Rows = BTreeMap<String, BTreeSet<String>>;

/// One sentence for every use of a crate that the tables do not allow.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).map_err(|e| format!("ARCHITECTURE.md: {e}"))?;
    let arrows = table(&text, "arrows")?;
    let only = table(&text, "only")?;
    Ok(compare(&arrows, &only, &packages(root)?))
}

fn compare(arrows: &Rows, only: &Rows, packages: &[Package]) -> Vec<String> {
    let members: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut faults = Vec::new();
    for package in packages {
        let name = short(&package.name);
        let Some(allowed) = arrows.get(name) else {
            faults.push(format!("{}: has no row in the arrow table of ARCHITECTURE.md", package.name));
            continue;
        };
        for used in &package.uses {
            let target = short(used);
            if members.contains(used.as_str()) {
                if !allowed.contains(target) {
                    faults.push(format!("{name} → {target}: not an arrow of ARCHITECTURE.md"));
                }
            } else if let Some(users) = only.get(used)
                && !users.contains(name)
            {
                faults.push(format!("{name} uses {used}, which ARCHITECTURE.md leaves to {users:?}"));
            }
        }
    }
    faults
}

/// Reads a fenced block of lines `left → right right …`; a dash on the right means nothing.
fn table(text: &str, fence: &str) -> Result<Rows, String> {
    let opening = format!("```{fence}");
    let rows: Rows = text
        .lines()
        .skip_while(|line| *line != opening)
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .filter_map(|line| line.split_once('→'))
        .map(|(left, right)| {
            let names = right.split_whitespace().filter(|word| *word != "–").map(str::to_owned);
            (left.trim().to_owned(), names.collect())
        })
        .collect();
    if rows.is_empty() { Err(format!("ARCHITECTURE.md: no rows in a block ```{fence}")) } else { Ok(rows) }
}

struct Package {
    name: String,
    /// What it is built from.
    uses: Vec<String>,
}

fn packages(root: &Path) -> Result<Vec<Package>, String> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|e| format!("cargo metadata: {e}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    Ok(list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: name(package),
            uses: list(&package["dependencies"]).iter().filter(|used| used["kind"] != "dev").map(name).collect(),
        })
        .collect())
}

/// The name of a crate in the tables: its folder.
fn short(package: &str) -> &str {
    package.strip_prefix("ocm-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rows_of_its_own_fence_only() {
        let text = "```arrows\nmodel → –\noci   → blob http   \n```\n```only\nreqwest → http\n```\n";
        let rows = table(text, "arrows");
        let rows = rows.as_ref().ok();
        assert_eq!(rows.map(BTreeMap::len), Some(2));
        assert_eq!(rows.and_then(|rows| rows.get("oci")).map(|names| names.contains("http")), Some(true));
        assert!(table(text, "missing").is_err());
    }

    #[test]
    fn names_every_use_without_an_arrow() {
        let (Ok(arrows), Ok(only)) =
            (table("```arrows\nmodel → –\noci → model\n```", "arrows"), table("```only\nreqwest → oci\n```", "only"))
        else {
            panic!("the tables are well formed");
        };
        let package = |name: &str, uses: &[&str]| Package {
            name: name.to_owned(),
            uses: uses.iter().map(|used| (*used).to_owned()).collect(),
        };
        let allowed = [package("ocm-model", &["serde"]), package("ocm-oci", &["ocm-model", "reqwest"])];
        assert!(compare(&arrows, &only, &allowed).is_empty());
        let broken = [package("ocm-model", &["ocm-oci", "reqwest"]), package("ocm-oci", &[]), package("ocm-new", &[])];
        assert_eq!(compare(&arrows, &only, &broken).len(), 3);
    }
}
