//! What is kept in the Docker configuration.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ocm_credentials::{Credentials, Docker, DockerLogin, DockerSources, Kept, Secret};
use support::{Place, user};

fn me(password: &str) -> Credentials {
    Credentials::Basic { username: "me".into(), password: Secret::new(password) }
}

#[tokio::test]
async fn everything_else_in_the_file_stays() {
    let place = Place::new();
    let text = r#"{"credHelpers":{"z.io":"z"},"auths":{"b.io":{"auth":"eDp5"},"https://a.io/v2/":{"auth":"eDp5"}},"HttpHeaders":{"A":"b"}}"#;
    let file = place.file("config.json", text);
    let login = DockerLogin::new(file.clone(), Vec::new());
    assert_eq!(login.store("a.io", &me("pw")).await.unwrap(), Kept::File(file.clone()));
    let written: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        written.to_string(),
        r#"{"credHelpers":{"z.io":"z"},"auths":{"b.io":{"auth":"eDp5"},"a.io":{"auth":"bWU6cHc="}},"HttpHeaders":{"A":"b"}}"#
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let docker = Docker::new(DockerSources { files: vec![file.clone()], ..DockerSources::default() });
    assert_eq!(user(docker.credentials("a.io", None).await.unwrap()), "me:pw");
    assert_eq!(login.erase("a.io").await.unwrap(), [Kept::File(file.clone())]);
    assert_eq!(login.erase("a.io").await.unwrap(), []);
    assert!(fs::read_to_string(&file).unwrap().contains("b.io"));
}

#[tokio::test]
async fn a_file_that_is_not_there_is_made_and_a_link_stays_one() {
    let place = Place::new();
    let file = place.path("docker/config.json");
    DockerLogin::new(file.clone(), Vec::new()).store("docker.io", &me("pw")).await.unwrap();
    assert!(fs::read_to_string(&file).unwrap().contains("\"https://index.docker.io/v1/\""));
    let link = place.path("link.json");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    DockerLogin::new(link.clone(), Vec::new()).store("a.io", &me("pw")).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && fs::read_to_string(&file).unwrap().contains("a.io"));
    fs::write(&file, "{").unwrap();
    let error = DockerLogin::new(file.clone(), Vec::new()).store("a.io", &me("canary")).await.unwrap_err().to_string();
    assert!(error.contains("not a docker configuration") && !error.contains("canary"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "{");
}

#[tokio::test]
async fn a_helper_keeps_what_it_is_named_for() {
    let place = Place::new();
    let log = place.path("log");
    let script = format!("#!/bin/sh\necho \"$1 $(cat)\" >> {}\necho canary >&2\n", log.display());
    let helper = place.file("docker-credential-ring", &script);
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let text = r#"{"auths":{"a.io":{"auth":"eDp5"}},"credsStore":"ring","credHelpers":{"broken.io":"absent"}}"#;
    let file = place.file("config.json", text);
    let folders = vec![place.path(""), "/usr/bin".into(), "/bin".into()];
    let login = DockerLogin::new(file.clone(), folders);
    let kept = Kept::Helper(file.clone(), "docker-credential-ring".into());
    assert_eq!(login.store("a.io", &me("pw")).await.unwrap(), kept);
    // The password that was in the file before is gone from it.
    assert!(fs::read_to_string(&file).unwrap().contains("\"a.io\": {}"), "{}", fs::read_to_string(&file).unwrap());
    assert_eq!(login.erase("a.io").await.unwrap(), [kept]);
    let lines: Vec<String> = fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    let given: serde_json::Value = serde_json::from_str(lines[0].strip_prefix("store ").unwrap()).unwrap();
    assert_eq!(given, serde_json::json!({"ServerURL": "a.io", "Username": "me", "Secret": "pw"}));
    assert_eq!(lines[1], "erase a.io");
    let error = login.store("broken.io", &me("canary")).await.unwrap_err().to_string();
    assert!(error.contains("credHelpers entry \"broken.io\": \"absent\"") && !error.contains("canary"), "{error}");
}
