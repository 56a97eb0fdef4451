//! Docker's configuration and helpers, as whoever uses them sees it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::sandbox::{Ran, Sandbox};

/// A helper that writes down what it was asked and then does what `script` says.
fn helper(sandbox: &Sandbox, name: &str, script: &str) {
    let file = format!("bin/docker-credential-{name}");
    let log = sandbox.path("log");
    sandbox.file(&file, &format!("#!/bin/sh\nread host\necho \"{name} $1 $host\" >> {}\n{script}\n", log.display()));
    fs::set_permissions(sandbox.path(&file), fs::Permissions::from_mode(0o755)).unwrap();
}

fn ask(sandbox: &Sandbox, registry: &str, environment: &[(&str, &str)]) -> Ran {
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    let mut command = sandbox.command(&["get", "credentials", registry, "--reveal", "-o", "json"]);
    Ran::from(command.env("PATH", path).envs(environment.iter().copied()).output().unwrap())
}

/// What was found and where, in one line.
fn found(sandbox: &Sandbox, registry: &str, environment: &[(&str, &str)]) -> String {
    let ran = ask(sandbox, registry, environment);
    if ran.status == 3 {
        return "nobody".to_owned();
    }
    assert_eq!(ran.status, 0, "{registry}: {}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let parts = report["credentials"].as_object().unwrap().iter();
    let parts: Vec<_> = parts.map(|(name, value)| format!("{name}={}", value.as_str().unwrap())).collect();
    let folder = format!("{}/", sandbox.path("").display().to_string().trim_end_matches('/'));
    format!("{} from {}", parts.join(" "), report["origin"].as_str().unwrap().replace(&folder, ""))
}

const CONFIG: &str = r#"{
  "auths": {
    "a.io": {"auth": "dTpw"},
    "a.io/team": {"username": "team", "password": "p"},
    "https://b.io/v2/": {"auth": "dTpw", "identitytoken": "id"},
    "c.io": {"registrytoken": "reg"},
    "https://index.docker.io/v1/": {"auth": "aHViOnB3"},
    "e.io": {}
  },
  "credHelpers": {"d.io": "one", "a.io/helped": "token", "f.io": "broken", "g.io": "absent"},
  "credsStore": "all"
}"#;

#[test]
fn every_form_of_a_docker_configuration() {
    let sandbox = Sandbox::new();
    sandbox.file(".docker/config.json", CONFIG);
    helper(&sandbox, "one", r#"echo "{\"Username\":\"one\",\"Secret\":\"s\"}""#);
    helper(&sandbox, "token", r#"echo '{"Username":"<token>","Secret":"s"}'"#);
    helper(
        &sandbox,
        "all",
        "test $host = e.io && echo '{\"Username\":\"all\",\"Secret\":\"s\"}' || { echo credentials not found; exit 1; }",
    );
    helper(&sandbox, "broken", "echo canary; echo canary >&2; exit 3");
    for (registry, expected) in [
        ("a.io", r#"password=p username=u from .docker/config.json: auths entry "a.io""#),
        ("a.io/team/x", r#"password=p username=team from .docker/config.json: auths entry "a.io/team""#),
        ("a.io/helped", r#"refreshToken=s from .docker/config.json: credHelpers entry "a.io/helped": "token""#),
        ("b.io/x", r#"refreshToken=id from .docker/config.json: auths entry "https://b.io/v2/""#),
        ("c.io", r#"accessToken=reg from .docker/config.json: auths entry "c.io""#),
        (
            "docker.io/library/x",
            r#"password=pw username=hub from .docker/config.json: auths entry "https://index.docker.io/v1/""#,
        ),
        ("d.io", r#"password=s username=one from .docker/config.json: credHelpers entry "d.io": "one""#),
        ("e.io", r#"password=s username=all from .docker/config.json: credsStore "all""#),
        ("x.io", "nobody"),
    ] {
        assert_eq!(found(&sandbox, registry, &[]), expected, "{registry}");
    }
    for (registry, says) in [
        (
            "f.io",
            r#"config.json: credHelpers entry "f.io": "broken": credential helper docker-credential-broken failed for f.io: it ended with"#,
        ),
        (
            "g.io",
            r#"credHelpers entry "g.io": "absent": credential helper docker-credential-absent failed for g.io: there is no such program"#,
        ),
    ] {
        let ran = ask(&sandbox, registry, &[("RUST_LOG", "trace")]);
        assert!(ran.status == 6 && ran.stderr.contains(says) && !ran.stderr.contains("canary"), "{}", ran.stderr);
    }
}

#[test]
fn every_place_of_a_docker_configuration() {
    let sandbox = Sandbox::new();
    let auth = |user: &str| format!(r#"{{"auths":{{"a.io":{{"username":"{user}","password":"p"}}}}}}"#);
    let at = |name: &str| sandbox.path(name).display().to_string();
    sandbox.file(".config/containers/auth.json", &auth("podman"));
    assert!(found(&sandbox, "a.io", &[]).starts_with("password=p username=podman from .config/containers/auth.json"));
    sandbox.file("run/containers/auth.json", &auth("session"));
    assert!(found(&sandbox, "a.io", &[("XDG_RUNTIME_DIR", &at("run"))]).contains("username=session"));
    sandbox.file(".docker/config.json", &auth("docker"));
    assert!(found(&sandbox, "a.io", &[]).contains("username=docker"));
    sandbox.file("other/config.json", &auth("other"));
    assert!(found(&sandbox, "a.io", &[("DOCKER_CONFIG", &at("other"))]).contains("username=other"));
    sandbox.file("named.json", &auth("named"));
    assert!(found(&sandbox, "a.io", &[("REGISTRY_AUTH_FILE", &at("named.json"))]).contains("username=named"));
    let text = auth("variable");
    let expected = r#"password=p username=variable from DOCKER_AUTH_CONFIG: auths entry "a.io""#;
    assert_eq!(found(&sandbox, "a.io", &[("DOCKER_AUTH_CONFIG", &text)]), expected);
    // Nothing was written.
    assert!(!sandbox.path(".ocm").exists() && !sandbox.path(".ocmconfig").exists());
}

/// The same configuration, named by a configuration file as the older programs write it: the helper is asked once all the same.
#[test]
fn a_helper_is_asked_once_by_all_who_name_it() {
    let sandbox = Sandbox::new();
    sandbox.file(".docker/config.json", r#"{"credsStore":"all"}"#).file(
        ".ocmconfig",
        "type: credentials.config.ocm.software/v1\nrepositories:\n- repository: {type: DockerConfig/v1, dockerConfigFile: ~/.docker/config.json}\n- repository: {type: DockerConfig/v1}\n",
    );
    helper(&sandbox, "all", "echo credentials not found; exit 1");
    assert_eq!(found(&sandbox, "a.io", &[]), "nobody");
    assert_eq!(sandbox.read("log"), "all get a.io\n");
}
