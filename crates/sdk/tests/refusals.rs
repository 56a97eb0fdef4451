//! What is refused before anything is touched.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use ocm::ops::{add, download, get, transfer};
use ocm::{Context, Kind};

fn constructor(folder: &Path, components: &[&str]) -> PathBuf {
    let path = folder.join("constructor.yaml");
    let mut text = String::from("components:\n");
    for name in components {
        text.push_str("- name: acme.org/");
        text.push_str(name);
        text.push_str(
            "\n  version: 1.0.0\n  provider: {name: acme.org}\n  resources:\n  \
             - {name: greeting, type: plainText, input: {type: utf8, text: hello}}\n  \
             - {name: farewell, type: plainText, input: {type: utf8, text: bye}}\n",
        );
    }
    fs::write(&path, text).unwrap();
    path
}

async fn add_to(target: &Path, constructor: &Path, truncate: bool) -> ocm::Result<add::Report> {
    let request = add::Request {
        constructors: vec![constructor.to_owned()],
        target: format!("ctf::{}", target.display()),
        create: true,
        truncate,
        concurrency: 2,
        ..add::Request::default()
    };
    add::run(&Context::builder().build(), &request).await
}

#[tokio::test]
async fn only_an_archive_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let constructor = constructor(folder.path(), &["a"]);
    let precious = folder.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("thesis.txt"), "years of work").unwrap();
    fs::write(folder.path().join("data.csv"), "1,2\n").unwrap();
    for target in ["precious", "data.csv", "."] {
        add_to(&folder.path().join(target), &constructor, true).await.unwrap_err();
        assert_eq!(fs::read_to_string(precious.join("thesis.txt")).unwrap(), "years of work", "{target}");
        assert_eq!(fs::read_to_string(folder.path().join("data.csv")).unwrap(), "1,2\n", "{target}");
        assert!(constructor.is_file(), "{target}");
    }

    // An archive in which somebody keeps something else, too.
    let archive = folder.path().join("archive");
    add_to(&archive, &constructor, false).await.unwrap();
    fs::write(archive.join(".notes"), "mine").unwrap();
    assert_eq!(add_to(&archive, &constructor, true).await.unwrap_err().kind(), Kind::Usage);
    fs::remove_file(archive.join(".notes")).unwrap();
    add_to(&archive, &constructor, true).await.unwrap();
}

#[tokio::test]
async fn one_element_is_never_chosen_among_several() {
    let folder = tempfile::tempdir().unwrap();
    let (archive, output) = (folder.path().join("archive"), folder.path().join("out"));
    add_to(&archive, &constructor(folder.path(), &["a", "b"]), false).await.unwrap();
    let download = async |reference: &str, name: Option<&str>| {
        let request = download::Request {
            versions: get::Request { references: vec![reference.to_owned()], ..get::Request::default() },
            selectors: name.into_iter().map(|name| [("name".to_owned(), name.to_owned())].into()).collect(),
            exactly_one: true,
            output: Some(output.clone()),
            ..download::Request::default()
        };
        download::run(&Context::builder().build(), &request).await
    };
    let error = download(&format!("ctf::{}", archive.display()), Some("greeting")).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("acme.org/b")), (Kind::Usage, true), "{error}");
    let one = format!("ctf::{}//acme.org/a:1.0.0", archive.display());
    assert_eq!(download(&one, None).await.unwrap_err().kind(), Kind::Usage);
    assert!(!output.exists());
    download(&one, Some("greeting")).await.unwrap();
    assert_eq!(fs::read_to_string(&output).unwrap(), "hello");
}

#[tokio::test]
async fn a_target_that_is_not_there_is_named_as_the_target() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    add_to(&archive, &constructor(folder.path(), &["a"]), false).await.unwrap();
    let request = transfer::Request {
        versions: get::Request {
            references: vec![format!("ctf::{}//acme.org/a:1.0.0", archive.display())],
            ..get::Request::default()
        },
        targets: vec!["http://127.0.0.1:9".into()],
        ..transfer::Request::default()
    };
    let error = transfer::run(&Context::builder().build(), &request).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().starts_with("target 127.0.0.1:9/"), "{error}");
    assert!(!error.hints().is_empty());
}
