//! Files, variables and helpers together. The helpers are small scripts.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use futures_util::future::join_all;
use ocm_credentials::{Credentials, Docker, DockerSources, Found};

/// A folder with configurations and helpers.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn config(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A helper that writes down what it was asked and then does what `script` says.
    fn helper(&self, name: &str, script: &str) {
        let path = self.path(&format!("docker-credential-{name}"));
        let log = self.path("log").display().to_string();
        let text = format!("#!/bin/sh\nread host\necho \"{name} $1 $host\" >> {log}\n{script}\n");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn asked(&self) -> Vec<String> {
        fs::read_to_string(self.path("log")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn docker(&self, inline: Option<&str>, files: &[PathBuf]) -> Docker {
        Docker::new(DockerSources {
            inline: inline.map(|text| ("DOCKER_AUTH_CONFIG".to_owned(), text.to_owned())),
            files: files.to_vec(),
            search_path: vec![self.0.path().to_owned(), "/usr/bin".into(), "/bin".into()],
        })
    }
}

fn user(found: Option<Found>) -> String {
    match found.and_then(|found| found.properties.registry()) {
        Some(Credentials::Basic { username, .. }) => username,
        Some(Credentials::IdentityToken(token)) => format!("identity {}", token.reveal()),
        Some(Credentials::AccessToken(token)) => format!("access {}", token.reveal()),
        None => "nobody".into(),
    }
}

const ANSWER: &str = r#"echo "{\"ServerURL\":\"$host\",\"Username\":\"helped\",\"Secret\":\"canary\"}""#;

fn auth(host: &str, user: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"p"}}}}}}"#)
}

#[tokio::test]
async fn the_variable_comes_first_then_the_files_in_their_order() {
    let place = Place::new();
    let files = [
        place.config("config.json", &auth("a.io", "docker")),
        place.path("missing.json"),
        place.config("empty.json", "\n"),
        place.config("auth.json", &auth("b.io/team", "podman")),
    ];
    let docker = place.docker(Some(&auth("c.io", "variable")), &files);
    for (host, repository, expected) in [
        ("a.io", None, "docker"),
        ("b.io", Some("team/product"), "podman"),
        ("b.io", Some("other"), "nobody"),
        ("c.io", None, "variable"),
        ("d.io", None, "nobody"),
    ] {
        assert_eq!(user(docker.credentials(host, repository).await.unwrap()), expected, "{host}");
    }
    let docker = place.docker(Some(&auth("a.io", "variable")), &files);
    assert_eq!(user(docker.credentials("a.io", None).await.unwrap()), "variable");
    let docker = place.docker(Some("{"), &files);
    let error = docker.credentials("a.io", None).await.unwrap_err().to_string();
    assert!(error.starts_with("DOCKER_AUTH_CONFIG: not a docker configuration: line 1"), "{error}");
}

#[tokio::test]
async fn a_helper_is_asked_once_per_host_and_never_beside_another() {
    let place = Place::new();
    // Two at once would find each other's mark.
    let alone = format!("test -e {0} && exit 9; : > {0}; sleep 0.05; rm {0}; {ANSWER}", place.path("busy").display());
    place.helper("one", &alone);
    place.helper("two", &alone);
    let config = place.config("config.json", r#"{"credHelpers":{"a.io":"one","b.io":"two"},"credsStore":"one"}"#);
    let docker = place.docker(None, &[config]);
    let hosts = ["a.io", "b.io", "c.io", "a.io", "b.io", "c.io", "a.io", "docker.io"];
    let found = join_all(hosts.map(|host| docker.credentials(host, Some("x/y")))).await;
    assert!(found.into_iter().all(|found| user(found.unwrap()) == "helped"));
    let mut asked = place.asked();
    asked.sort();
    assert_eq!(asked, ["one get a.io", "one get c.io", "one get https://index.docker.io/v1/", "two get b.io"]);
}

#[tokio::test]
async fn who_does_not_know_is_followed_by_who_may() {
    let place = Place::new();
    place.helper("empty", "echo 'credentials not found in native keychain'; exit 1");
    place.helper("token", r#"echo '{"Username":"<token>","Secret":"refresh"}'"#);
    let text = r#"{"auths":{"a.io":{"username":"entry","password":"p"}},"credHelpers":{"a.io":"empty","b.io":"empty"},"credsStore":"token"}"#;
    let other = place.config("auth.json", &auth("d.io", "other"));
    let docker = place.docker(None, &[place.config("config.json", text), other]);
    assert_eq!(user(docker.credentials("a.io", None).await.unwrap()), "entry");
    assert_eq!(user(docker.credentials("b.io", None).await.unwrap()), "identity refresh");
    let docker =
        place.docker(None, &[place.config("store.json", r#"{"credsStore":"empty"}"#), place.path("auth.json")]);
    assert_eq!(user(docker.credentials("d.io", None).await.unwrap()), "other");
    assert_eq!(user(docker.credentials("e.io", None).await.unwrap()), "nobody");
}

#[tokio::test]
async fn failures_name_file_entry_and_helper_and_no_secret() {
    let place = Place::new();
    place.helper("broken", "echo canary-out; echo canary-err >&2; exit 3");
    place.helper("odd", "echo '{\"Username\":\"canary-out\"'; echo canary-err >&2");
    let text =
        r#"{"credHelpers":{"a.io":"broken","b.io":"odd","c.io":"absent","d.io":"../../x"},"credsStore":"absent"}"#;
    let config = place.config("config.json", text);
    let docker = place.docker(None, std::slice::from_ref(&config));
    for (host, place, says) in [
        ("a.io", "credHelpers entry \"a.io\": \"broken\"", "docker-credential-broken failed for a.io: it ended with"),
        ("b.io", "credHelpers entry \"b.io\": \"odd\"", "not the JSON of the helper protocol"),
        ("c.io", "credHelpers entry \"c.io\": \"absent\"", "there is no such program in the folders of PATH"),
        ("d.io", "credHelpers entry \"d.io\": \"../../x\"", "the name of a helper has only letters"),
        ("e.io", "credsStore \"absent\"", "docker-credential-absent failed for e.io"),
    ] {
        let first = docker.credentials(host, None).await.unwrap_err().to_string();
        assert!(first.starts_with(&format!("{}: {place}: ", config.display())) && first.contains(says), "{first}");
        assert!(!first.contains("canary"), "{first}");
        // Not tried again: a wrong password in a dialog would lock the key ring.
        assert_eq!(docker.credentials(host, None).await.unwrap_err().to_string(), first);
    }
    assert_eq!(place.asked(), ["broken get a.io", "odd get b.io"]);
}

/// A program in the working directory is not a helper, whatever an empty or relative part of `PATH` says.
#[tokio::test]
async fn helpers_are_not_taken_from_the_working_directory() {
    let place = Place::new();
    place.helper("here", ANSWER);
    let config = place.config("config.json", r#"{"credsStore":"here"}"#);
    let relative = PathBuf::from("../".repeat(20)).join(place.0.path().strip_prefix("/").unwrap());
    let search_path = vec!["".into(), ".".into(), relative.clone()];
    assert!(relative.join("docker-credential-here").exists());
    let docker = Docker::new(DockerSources { inline: None, files: vec![config], search_path });
    assert!(docker.credentials("a.io", None).await.is_err());
    assert_eq!(place.asked(), Vec::<String>::new());
}

/// The program that a helper became, by its id, is gone.
fn is_gone(pid: &str) -> bool {
    let state = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    state.is_empty() || state.contains(") Z ")
}

#[tokio::test(start_paused = true)]
async fn a_helper_that_never_ends_is_ended() {
    let place = Place::new();
    let pid = place.path("pid");
    place.helper("stuck", &format!("echo $$ > {}; exec sleep 1000", pid.display()));
    let docker = place.docker(None, &[place.config("config.json", r#"{"credsStore":"stuck"}"#)]);
    // The clock of the test runs ahead as soon as nothing else is to be done; the helper has to have begun by then.
    let begun = async {
        while !fs::read_to_string(&pid).is_ok_and(|text| text.ends_with('\n')) {
            std::thread::sleep(std::time::Duration::from_millis(5));
            tokio::task::yield_now().await;
        }
    };
    let (answer, ()) = tokio::join!(docker.credentials("a.io", None), begun);
    let error = answer.unwrap_err().to_string();
    assert!(error.contains("docker-credential-stuck") && error.contains("no answer within 30 s"), "{error}");
    let pid = fs::read_to_string(pid).unwrap();
    for _ in 0..400 {
        if is_gone(&pid) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        tokio::task::yield_now().await;
    }
    panic!("the helper still runs");
}

#[tokio::test]
async fn a_helper_that_says_too_much_is_cut_off() {
    let place = Place::new();
    place.helper("flood", "exec head -c 1073741824 /dev/zero");
    let docker = place.docker(None, &[place.config("config.json", r#"{"credsStore":"flood"}"#)]);
    let begin = std::time::Instant::now();
    let error = docker.credentials("a.io", None).await.unwrap_err().to_string();
    assert!(error.contains("its answer is too long"), "{error}");
    assert!(begin.elapsed() < std::time::Duration::from_secs(10));
}

#[tokio::test]
async fn names_of_helpers_lead_nowhere_else() {
    let place = Place::new();
    let marker = place.path("evil-ran");
    fs::create_dir(place.path("docker-credential-x")).unwrap();
    let evil = place.path("evil");
    fs::write(&evil, format!("#!/bin/sh\ntouch {}\n", marker.display())).unwrap();
    fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
    let absolute = format!("/../{}", evil.display());
    for name in [
        "../../evil",
        "x/../evil",
        "/evil",
        &absolute,
        "a b",
        "a;evil",
        "$(evil)",
        "..",
        ".hidden",
        "a\nb",
        "\u{202e}x",
    ] {
        let text = serde_json::json!({"credsStore": name}).to_string();
        let docker = place.docker(Some(&text), &[]);
        let error = docker.credentials("a.io", None).await.unwrap_err().to_string();
        assert!(error.contains("the name of a helper has only letters"), "{name}: {error}");
    }
    // A folder of the right name is no program.
    let docker = place.docker(Some(r#"{"credsStore":"x"}"#), &[]);
    assert!(docker.credentials("a.io", None).await.unwrap_err().to_string().contains("there is no such program"));
    assert!(!marker.exists());
}

#[tokio::test]
async fn a_configuration_without_end_is_not_read_to_it() {
    let place = Place::new();
    let link = place.path("endless.json");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    let error = place.docker(None, &[link]).credentials("a.io", None).await.unwrap_err().to_string();
    assert!(error.contains("larger than the limit"), "{error}");
    let sparse = place.path("sparse.json");
    fs::File::create(&sparse).unwrap().set_len(1 << 30).unwrap();
    let error = place.docker(None, &[sparse]).credentials("a.io", None).await.unwrap_err().to_string();
    assert!(error.contains("larger than the limit"), "{error}");
}
