//! `config explain` for hosts whose credentials are where Docker and Podman keep them.

use crate::sandbox::{Ran, Sandbox};

/// A helper that leaves a trace and gives its secret to whoever starts it.
fn trap(sandbox: &Sandbox, name: &str) {
    let sprung = sandbox.path("sprung");
    let text =
        format!("#!/bin/sh\ntouch {}\necho '{{\"Username\": \"u\", \"Secret\": \"canary\"}}'\n", sprung.display());
    let file = format!("bin/docker-credential-{name}");
    sandbox.file(&file, &text);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(sandbox.path(&file), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// What is said of a host, one line each: name, value, origin without the folder.
fn explained(sandbox: &Sandbox, host: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let mut command = sandbox.command(&["config", "explain", host, "-o", "json"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display())).envs(environment.iter().copied());
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.status, 0, "{host}: {}", ran.stderr);
    assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"), "{host}: {}{}", ran.stdout, ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let folder = format!("{}/", sandbox.path("").display().to_string().trim_end_matches('/'));
    let line = |line: &serde_json::Value| {
        let text = |name: &str| line[name].as_str().map_or_else(|| line[name].to_string(), str::to_owned);
        format!("{} | {} | {}", text("name"), text("value"), text("origin")).replace(&folder, "")
    };
    report["lines"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn every_place_of_docker_and_podman_is_named_with_its_key_and_helper() {
    let sandbox = Sandbox::new();
    trap(&sandbox, "mine");
    // u:canary
    sandbox.file(
        ".docker/config.json",
        "{\"auths\": {\"a.example\": {\"auth\": \"dTpjYW5hcnk=\"}, \"a.example/team\": {\"identitytoken\": \"canary\"}, \
         \"broken.example\": {\"auth\": \"canary!\"}}, \"credHelpers\": {\"b.example\": \"mine\"}, \"credsStore\": \"absent\"}",
    );
    sandbox.file(".config/containers/auth.json", "{\"auths\": {\"c.example/acme\": {\"auth\": \"dTpjYW5hcnk=\"}}}");
    sandbox.file("registry-auth.json", "{\"auths\": canary");
    let user = "{\"username\":\"u\",\"password\":\"***\"}";
    let absent = |host: &str| {
        format!(
            "docker helper | docker-credential-absent (there is no such program in the folders of PATH), asked for {host} \
             | .docker/config.json: credsStore \"absent\""
        )
    };
    assert_eq!(
        explained(&sandbox, "a.example", &[]),
        [
            format!("docker credentials | {user} | .docker/config.json: auths entry \"a.example\""),
            absent("a.example").replace("docker helper", "docker helper, not asked"),
        ]
    );
    let team = explained(&sandbox, "https://a.example/team", &[]);
    assert!(
        team[0].starts_with("docker credentials | {\"identitytoken\":\"***\"} | ")
            && team[0].ends_with("\"a.example/team\""),
        "{team:?}"
    );
    assert!(team[1].starts_with("docker credentials, not asked | "), "{team:?}");
    let helped = explained(&sandbox, "b.example", &[]);
    assert_eq!(
        helped[0],
        "docker helper | bin/docker-credential-mine, asked for b.example | .docker/config.json: credHelpers entry \"b.example\": \"mine\""
    );
    // A helper may not know, and then the next is asked.
    assert_eq!(helped[1], absent("b.example"));
    let podman = explained(&sandbox, "https://c.example/acme", &[]);
    let expected =
        format!("docker credentials | {user} | .config/containers/auth.json: auths entry \"c.example/acme\"");
    assert_eq!(podman, [absent("c.example"), expected]);
    let inline = "{\"auths\": {\"d.example\": {\"auth\": \"dTpjYW5hcnk=\"}}}";
    let inline = explained(&sandbox, "d.example", &[("DOCKER_AUTH_CONFIG", inline)]);
    assert_eq!(inline[0], format!("docker credentials | {user} | DOCKER_AUTH_CONFIG: auths entry \"d.example\""));
    let broken = explained(&sandbox, "broken.example", &[]);
    assert_eq!(
        broken[0],
        "unusable credentials | auth is not base64 | .docker/config.json: auths entry \"broken.example\""
    );
    let file = sandbox.path("registry-auth.json").display().to_string();
    let unread = explained(&sandbox, "a.example", &[("REGISTRY_AUTH_FILE", &file)]);
    assert!(
        unread[0].starts_with("unusable credentials | not a docker configuration: line 1")
            && unread[0].ends_with("| registry-auth.json"),
        "{unread:?}"
    );
    assert!(unread[1].starts_with("docker credentials, not asked"), "{unread:?}");
    let cloud = explained(&sandbox, "acme.azurecr.io", &[]);
    assert!(cloud[1].starts_with("cloud identity | what Azure gave"), "{cloud:?}");
    assert!(!sandbox.path("sprung").exists());
}

#[test]
fn entries_go_before_docker_and_stores_are_looked_into() {
    let sandbox = Sandbox::new();
    sandbox
        .file(".docker/config.json", "{\"auths\": {\"a.example\": {\"auth\": \"dTpjYW5hcnk=\"}, \"docker.io\": {}}}");
    sandbox.file(
        "other.json",
        "{\"auths\": {\"a.example\": {\"auth\": \"dTpjYW5hcnk=\"}}, \"credHelpers\": {\"b.example\": \"../x\"}}",
    );
    sandbox.file(
        ".ocmconfig",
        "type: credentials.config.ocm.software\nconsumers:\n\
         - identity: {type: OCIRegistry, hostname: e.example}\n  credentials: [{type: Credentials, properties: {username: me, password: canary}}]\n\
         - identity: {type: OCIRegistry, hostname: registry-1.docker.io}\n  credentials: [{type: OCICredentials/v1, username: hub, password: canary}]\n\
         repositories:\n- repository: {type: DockerConfig/v1, dockerConfigFile: other.json}\n",
    );
    let named = explained(&sandbox, "e.example", &[]);
    assert!(
        named[0].starts_with("credentials | ")
            && named[0].contains("\"me\"")
            && named[0].ends_with("| .ocmconfig:4:17"),
        "{named:?}"
    );
    assert!(named[1].starts_with("credential repository, not asked | DockerConfig/v1 | .ocmconfig:8:"), "{named:?}");
    let stored = explained(&sandbox, "a.example", &[]);
    assert!(stored[0].starts_with("credential repository | DockerConfig/v1"), "{stored:?}");
    assert!(stored[1].starts_with("docker credentials | ") && stored[1].contains("other.json: auths"), "{stored:?}");
    assert!(
        stored[2].starts_with("docker credentials, not asked | ") && stored[2].contains(".docker/config.json"),
        "{stored:?}"
    );
    let helper = explained(&sandbox, "b.example", &[]);
    assert!(helper[1].starts_with("docker helper | its name leads to no program"), "{helper:?}");
    // All names of Docker Hub mean the same account.
    let hub = explained(&sandbox, "https://docker.io/library", &[]);
    assert!(hub[0].contains("\"hub\""), "{hub:?}");
}
