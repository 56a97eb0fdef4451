//! The constructor files of the older program's recorded runs: what its template engines make of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::path::Path;

use ocm_constructor::{Dialect, Engine, Reading, Text, Variables, read};
use serde_json::Value;

const RECORDED: &str = "../../../shared/vectors/cli-v1";

#[test]
fn specifications_are_the_recorded_ones() {
    if !Path::new(RECORDED).exists() {
        eprintln!("skipped: {RECORDED} is not there");
        return;
    }
    let mut compared = 0;
    for case in std::fs::read_dir(RECORDED).unwrap().map(|case| case.unwrap().path()) {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let text = |file: &str| std::fs::read_to_string(case.join(file)).unwrap_or_default();
        let command = text("command");
        let words: Vec<&str> = command.split_whitespace().collect();
        if !command.starts_with("ocm add cv --dry-run")
            || text("exit").trim() != "0"
            || !is_contract(&name)
            || name == "template-spiff"
            || words.contains(&"&&")
        {
            continue;
        }
        let mut variables = Variables::new();
        if words.contains(&"--addenv") {
            let environment: std::collections::BTreeMap<String, String> =
                serde_json::from_str(&text("env.json")).unwrap();
            variables = variables.with_texts(environment);
        }
        for (flag, file) in words.iter().zip(&words[1..]).filter(|(flag, _)| **flag == "-s") {
            assert_eq!(*flag, "-s");
            variables = variables.with_settings(file, &text(file)).unwrap();
        }
        variables = variables
            .with_texts(words.iter().filter(|word| !word.starts_with('-')).filter_map(|word| word.split_once('=')));
        let engine = if command.contains("templater go") || command.contains("templater=go") {
            Engine::Go
        } else {
            Engine::Subst
        };
        let version =
            words.iter().zip(&words[1..]).find(|(flag, _)| **flag == "-v").map(|(_, version)| (*version).to_owned());
        let file = Text { name: "constructor.yaml".into(), content: text("constructor.yaml"), folder: case.clone() };
        let reading = Reading {
            dialect: Dialect::V1,
            engine,
            variables,
            default_version: version,
            keep_written: true,
            ..Reading::default()
        };
        let constructor = read(&[file], &reading).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let stdout = text("stdout");
        let expected: Value = serde_saphyr::from_str(stdout.split_once("---\n").unwrap().1).unwrap();
        assert_eq!(constructor.components[0].written, Some(expected), "{name}");
        compared += 1;
    }
    assert!(compared >= 7, "only {compared} cases were compared");
}

fn is_contract(name: &str) -> bool {
    let index = std::fs::read_to_string(format!("{RECORDED}/README.md")).unwrap();
    index.lines().any(|line| line.starts_with(&format!("| {name} |")) && line.trim_end().ends_with("| contract |"))
}

/// A real file: twelve components, forty variables.
#[test]
fn a_real_file_is_understood() {
    let path = "../../../shared/vectors/platform-mesh/component-constructor.yaml";
    let Ok(content) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let text = Text { name: "c.yaml".into(), content, folder: ".".into() };
    let with = |variables| {
        read(
            std::slice::from_ref(&text),
            &Reading { dialect: Dialect::V1, engine: Engine::Auto, variables, ..Reading::default() },
        )
    };
    let missing = with(Variables::new()).unwrap_err().to_string();
    let names: std::collections::BTreeSet<&str> =
        missing.lines().filter_map(|line| line.split_once("the variable ")?.1.split(' ').next()).collect();
    assert_eq!(names.len(), 40, "{missing}");
    let constructor = with(Variables::new().with_texts(names.iter().map(|name| (*name, "1.2.3"))))
        .unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(constructor.components.len(), 12);
    assert_eq!(constructor.components.iter().map(|component| component.resources.len()).sum::<usize>(), 21);
    assert_eq!(constructor.components.iter().map(|component| component.references.len()).sum::<usize>(), 29);
}
