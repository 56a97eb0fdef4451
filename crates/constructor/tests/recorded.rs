//! The constructor files of the recorded runs: what the current program makes of them, byte for byte where it counts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use ocm_constructor::build::{Options, build};
use ocm_constructor::{Dialect, Reading, Text, Variables, read};
use serde_json::Value;
use support::Place;

const RECORDED: &str = "../../../shared/vectors/cli-v2";

/// Recorded runs whose result is different on purpose.
const DIFFERENT: [&str; 7] = [
    // A key `n` stays `n`; the current program stores it as `false`.
    "input-utf8-json",
    // Times and owners of the machine become part of a directory on request only.
    "input-dir-plain",
    // Compressed bytes differ between implementations of gzip.
    "input-file-compress",
    "input-utf8-compress",
    // A chart has the same digest each time.
    "input-helm",
    // Versions and merge rules of labels are kept.
    "labels",
    // Would need its existing archive.
    "policy-skip",
];

#[tokio::test]
async fn descriptors_are_the_recorded_ones() {
    let Ok(cases) = std::fs::read_dir(RECORDED) else {
        eprintln!("skipped: {RECORDED} is not there");
        return;
    };
    let mut compared = 0;
    for case in cases.map(|case| case.unwrap().path()) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let text = |file: &str| std::fs::read_to_string(case.join(file)).unwrap_or_default();
        let (command, setup, stdout) = (text("command"), text("setup"), text("stdout"));
        let fits = command.trim() == "ocm add cv -c constructor.yaml -r ctf -o yaml"
            && text("exit").trim() == "0"
            && !setup.contains("ocm ")
            && !setup.contains("skopeo")
            && stdout.starts_with("- component")
            && !is_defect(&name);
        if !fits || DIFFERENT.contains(&name.as_str()) {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        prepare(&case, folder.path(), &setup);
        let expected: Value = without_nulls(serde_saphyr::from_str(&stdout).unwrap());
        let content = std::fs::read_to_string(folder.path().join("constructor.yaml")).unwrap();
        let constructor = Text { name: name.clone(), content, folder: folder.path().into() };
        let variables = Variables::new().with_texts([("DIR", folder.path().to_str().unwrap())]);
        let reading = Reading { dialect: Dialect::V2, variables, ..Reading::default() };
        let constructor = read(&[constructor], &reading).unwrap_or_else(|problems| panic!("{problems}"));
        let outcome = build(constructor.components, &Place::new().environment, &Options::default()).await;
        let outcome = outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        let mut actual: Vec<Value> = outcome
            .versions
            .iter()
            .map(|version| without_nulls(serde_json::to_value(&version.descriptor).unwrap()))
            .collect();
        let mut expected: Vec<Value> = expected.as_array().unwrap().clone();
        // The order of the output is the business of whoever prints it.
        actual.sort_by_key(ToString::to_string);
        expected.sort_by_key(ToString::to_string);
        assert_eq!(actual, expected, "{name}");
        compared += 1;
    }
    assert!(compared >= 25, "only {compared} cases were compared");
}

fn is_defect(name: &str) -> bool {
    let index = std::fs::read_to_string(format!("{RECORDED}/README.md")).unwrap();
    index.lines().any(|line| line.starts_with(&format!("| {name} |")) && line.trim_end().ends_with("| defect |"))
}

fn prepare(case: &Path, folder: &Path, setup: &str) {
    let inputs = std::fs::read_to_string(case.join("inputs")).unwrap_or_default();
    let mut sources: Vec<PathBuf> =
        inputs.split_whitespace().map(|input| Path::new(RECORDED).join("_inputs").join(input)).collect();
    sources.push(case.join("."));
    for source in sources {
        assert!(Command::new("cp").arg("-r").arg(&source).arg(folder).status().unwrap().success());
    }
    assert!(Command::new("chmod").arg("-R").arg("u+w").arg(folder).status().unwrap().success());
    assert!(Command::new("bash").arg("-ec").arg(setup).current_dir(folder).status().unwrap().success());
}

/// Empty and absent lists are the same; keys sorted so that the order of writing does not count.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut kept: Vec<(String, Value)> =
                members.into_iter().map(|(key, value)| (key, without_nulls(value))).collect();
            kept.retain(|(_, value)| !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()));
            kept.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(kept.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
