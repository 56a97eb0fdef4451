//! Rules about the text of the source files that no compiler checks.

use std::path::{Path, PathBuf};

/// Most lines a file may have, tests not counted: beyond it, two subjects live in one file.
const LONGEST: usize = 500;

/// Names that say nothing about what a module is for. (A credential `helper` is a thing with that name.)
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "helpers", "common", "manager", "managers", "misc", "stuff"];

/// Words a library must not contain outside its tests: programs pass these things in. `testkit` is free to, and
/// `credentials` exists to start the helpers that keep passwords; one file of `signing` starts the program that keeps a key.
const PROGRAM_WORDS: [&str; 7] =
    ["std::env", "env::var", "home_dir", "process::Command", "process::exit", "println!", "eprintln!"];

/// One sentence for every file that breaks a rule.
pub(crate) fn check(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for folder in ["crates", "apps", "xtask"] {
        collect(&root.join(folder), &mut files)?;
    }
    files.sort();
    let mut faults = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let name = path.strip_prefix(root).unwrap_or(&path);
        faults.extend(file(name, &text).into_iter().map(|fault| format!("{}: {fault}", name.display())));
    }
    Ok(faults)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn file(name: &Path, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let parts: Vec<&str> =
        name.iter().filter_map(|part| part.to_str()).map(|part| part.strip_suffix(".rs").unwrap_or(part)).collect();
    if let Some(empty) = parts.iter().find(|part| EMPTY_NAMES.contains(part)) {
        faults.push(format!("`{empty}` does not say what the module is for"));
    }
    if ["tests", "examples", "benches"].iter().any(|folder| parts.contains(folder)) {
        return faults;
    }

    let shipped = shipped_lines(text);
    if shipped > LONGEST {
        faults.push(format!("{shipped} lines without tests; more than {LONGEST} ask which two things live here"));
    }
    let root = matches!(parts[..], [.., "src", "lib" | "main"]);
    if root && !text.starts_with("//! ") {
        faults.push("a crate begins by saying what it is for (`//!`)".to_owned());
    }
    if parts.first() == Some(&"crates") && parts.get(1) != Some(&"testkit") {
        for (number, line) in text.lines().take(shipped).enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let starts_helpers = parts.get(1) == Some(&"credentials")
                || matches!(parts[..], [.., "signing", "src", "remote", "command"]);
            // What the machine is was compiled in; nothing is read for it.
            let code = code.replace("std::env::consts", "");
            let said = |word: &&&str| code.contains(**word) && !(starts_helpers && **word == "process::Command");
            if let Some(word) = PROGRAM_WORDS.iter().find(said) {
                faults.push(format!("line {}: `{word}` belongs to programs, not to libraries", number + 1));
            }
        }
    }
    faults
}

/// Lines before the test module at the end of a file; all of them if it has none.
fn shipped_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let tests = lines.iter().position(|line| *line == "#[cfg(test)]").filter(|start| {
        let rest = lines[*start..].iter().find(|line| line.starts_with("mod "));
        rest.is_some_and(|line| line.ends_with('{'))
    });
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_count() {
        assert_eq!(shipped_lines("a\nb\n#[cfg(test)]\nmod tests {\nc\n}\n"), 2);
        assert_eq!(shipped_lines("a\nb\n#[cfg(test)]\nmod tests;\nc\n"), 5);
    }

    #[test]
    fn each_rule_speaks() {
        let said = |name: &str, text: &str| file(Path::new(name), text).len();
        assert_eq!(said("crates/a/src/lib.rs", "//! What it is.\n"), 0);
        assert_eq!(said("crates/a/src/lib.rs", "mod b;\n"), 1);
        assert_eq!(said("crates/a/src/utils.rs", ""), 1);
        assert_eq!(said("crates/a/src/b.rs", &"\n".repeat(501)), 1);
        assert_eq!(said("crates/a/src/b.rs", "let home = std::env::var(\"HOME\");\n"), 1);
        assert_eq!(said("crates/a/src/b.rs", "// std::env is read by the program\n"), 0);
        assert_eq!(said("crates/a/src/b.rs", "let machine = std::env::consts::ARCH;\n"), 0);
        assert_eq!(said("apps/cli/src/b.rs", "std::env::var(\"HOME\")\n"), 0);
        assert_eq!(said("crates/a/examples/b.rs", "println!()\n"), 0);
        assert_eq!(said("crates/a/tests/b.rs", "std::env::var(\"HOME\")\n"), 0);
    }
}
