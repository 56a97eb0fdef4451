//! Configuration files that somebody else put where the program looks for them, or that are no files at all.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::sandbox::{Ran, Sandbox};

/// A working directory of somebody else, beside the home of whoever works there.
fn checkout() -> Sandbox {
    let sandbox = Sandbox::hello();
    fs::create_dir(sandbox.path("work")).unwrap();
    fs::create_dir(sandbox.path("home")).unwrap();
    sandbox
}

fn run(sandbox: &Sandbox, line: &str, environment: &[(&str, &Path)]) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = sandbox.command(&words);
    command.current_dir(sandbox.path("work")).env("HOME", sandbox.path("home")).envs(environment.iter().copied());
    let begin = Instant::now();
    let ran = Ran::from(command.output().unwrap());
    assert!(begin.elapsed() < Duration::from_secs(10), "{line} took {:?}", begin.elapsed());
    ran
}

const GET: &str = "get cv ../ctf//acme.org/hello:1.0.0";

/// A program that leaves a trace when it is started.
fn trap(sandbox: &Sandbox, name: &str) {
    let text = format!("#!/bin/sh\ntouch {}\n", sandbox.path("sprung").display());
    sandbox.file(name, &text);
    fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_is_no_file_is_left_alone() {
    let sandbox = checkout();
    let place = sandbox.path("work/.ocmconfig");
    // A pipe that nobody writes to would be waited for without end.
    assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success());
    assert_eq!(run(&sandbox, GET, &[]).status, 0);
    fs::remove_file(&place).unwrap();
    symlink("/dev/zero", &place).unwrap();
    assert_eq!(run(&sandbox, GET, &[]).status, 0);
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    assert_eq!(run(&sandbox, GET, &[]).status, 0);
    fs::remove_dir(&place).unwrap();
    symlink(".ocmconfig", &place).unwrap();
    assert_eq!(run(&sandbox, GET, &[]).status, 0);
}

#[test]
fn a_link_to_a_secret_does_not_print_it() {
    let sandbox = checkout();
    sandbox.file("home/secret", "canary-one: canary-two\ncanary-three\n");
    symlink(sandbox.path("home/secret"), sandbox.path("work/.ocmconfig")).unwrap();
    let ran = run(&sandbox, GET, &[]);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains(".ocmconfig") && !ran.stderr.contains("canary"), "{}", ran.stderr);
    // The configuration of one's own by another way is one's own.
    fs::remove_file(sandbox.path("work/.ocmconfig")).unwrap();
    sandbox.file("home/.ocmconfig", "{type: http.config.ocm.software, timeout: 7s}");
    symlink(sandbox.path("home/.ocmconfig"), sandbox.path("work/.ocmconfig")).unwrap();
    let ran = run(&sandbox, "get config", &[]);
    assert!(ran.stdout.contains("timeout: 7s") && !ran.stderr.contains("not trusted"), "{}", ran.stderr);
}

#[test]
fn a_gigabyte_and_a_bomb_are_refused_at_once() {
    let sandbox = checkout();
    fs::File::create(sandbox.path("work/.ocmconfig")).unwrap().set_len(1 << 30).unwrap();
    let ran = run(&sandbox, GET, &[]);
    assert!(ran.status == 0 && ran.stderr.contains("larger than the limit"), "{}", ran.stderr);
    let ran = run(&sandbox, &format!("{GET} --config .ocmconfig"), &[]);
    assert!(ran.status != 0 && ran.stderr.contains("larger than the limit"), "{}", ran.stderr);
    let nine_times = |what: &str| [what; 9].join(", ");
    let levels = (1..12).map(|level| format!("a{level}: &a{level} [{}]\n", nine_times(&format!("*a{}", level - 1))));
    let bomb = format!("a0: &a0 [{}]\n{}", nine_times("x"), levels.collect::<Vec<_>>().concat());
    for text in [
        format!("type: http.config.ocm.software\n{bomb}"),
        "[".repeat(100_000),
        format!("type: x\na: {}", "{b: ".repeat(50_000)),
        "type: x\na: &a [*a]\n".to_owned(),
    ] {
        sandbox.file("work/.ocmconfig", &text);
        assert_eq!(run(&sandbox, GET, &[]).status, 0, "{text:.40}");
    }
}

#[test]
fn a_checkout_starts_nothing_and_lends_nothing() {
    let sandbox = checkout();
    trap(&sandbox, "work/docker-credential-evil");
    trap(&sandbox, "work/.ocm/plugins/evil");
    trap(&sandbox, "work/plugins/evil");
    sandbox.file("work/.docker/config.json", r#"{"auths": {"h.example": {"auth": "dTpw"}}, "credsStore": "evil"}"#);
    sandbox.file(
        "work/.ocmconfig",
        "configurations:\n\
         - {type: plugin.config.ocm.software/v2alpha1, locations: [plugins]}\n\
         - {type: attributes.config.ocm.software, attributes: {plugindir: plugins, tempblobcache: here}}\n\
         - {type: logging.config.ocm.software, settings: {defaultLevel: Error}}\n\
         - {type: filesystem.config.ocm.software, tempFolder: here}\n\
         - {type: credentials.config.ocm.software, consumers: [{identity: {type: OCIRegistry, hostname: h.example}, credentials: [{type: Credentials, properties: {username: planted, password: p}}]}], repositories: [{repository: {type: DockerConfig/v1, dockerConfigFile: .docker/config.json}}]}\n\
         - {type: ocm.config.ocm.software, aliases: {trusted: {type: ctf, filePath: planted}}}\n",
    );
    let ran = run(&sandbox, "get credentials h.example/acme -o json", &[("PATH", Path::new("."))]);
    assert!(!ran.stdout.contains("planted") && !ran.stdout.contains("\"u\""), "{}", ran.stdout);
    let ran = run(&sandbox, "get config", &[]);
    assert!(!ran.stdout.contains("here") && !ran.stdout.contains("planted"), "{}", ran.stdout);
    assert!(ran.stderr.contains("not trusted"), "{}", ran.stderr);
    run(&sandbox, "plugin list", &[]);
    run(&sandbox, "describe types", &[]);
    assert!(!sandbox.path("sprung").exists());
    assert_eq!(run(&sandbox, "get cv trusted//acme.org/x:1.0.0", &[]).status, 3);
}

/// Who sets the variable means the folder, wherever it is; its relative helpers stay out.
#[test]
fn a_folder_that_a_variable_names_is_meant() {
    let sandbox = checkout();
    trap(&sandbox, "work/docker-credential-evil");
    sandbox.file(
        "work/.docker/config.json",
        r#"{"auths": {"h.example": {"auth": "dTpw"}}, "credHelpers": {"e.example": "evil"}}"#,
    );
    let own = [("DOCKER_CONFIG", Path::new(".docker")), ("PATH", Path::new(".:"))];
    let ran = run(&sandbox, "get credentials h.example/acme -o json", &own);
    assert!(ran.stdout.contains("\"u\"") && ran.stdout.contains(".docker/config.json"), "{}{}", ran.stdout, ran.stderr);
    let ran = run(&sandbox, "get credentials e.example/acme", &own);
    assert!(ran.status != 0 && ran.stderr.contains("docker-credential-evil"), "{}", ran.stderr);
    assert!(!sandbox.path("sprung").exists());
}

/// `~` is the home of whoever runs the program, never that of a name behind it.
#[test]
fn a_tilde_is_ones_own_home() {
    let sandbox = checkout();
    sandbox.file("home/d.json", r#"{"auths": {"h.example": {"auth": "dTpw"}}}"#);
    let config = |path: &str| {
        format!(
            "type: credentials.config.ocm.software\nrepositories: [{{repository: {{type: DockerConfig/v1, dockerConfigFile: {path}}}}}]\n"
        )
    };
    sandbox.file("work/c.yaml", &config("~/d.json"));
    let line = "get credentials h.example/acme -o json --config c.yaml";
    let ran = run(&sandbox, line, &[]);
    assert!(ran.stdout.contains("\"u\""), "{}{}", ran.stdout, ran.stderr);
    sandbox.file("work/c.yaml", &config("~root/d.json"));
    let ran = run(&sandbox, line, &[]);
    assert!(!ran.stdout.contains("\"u\"") && ran.stderr.contains("there is no"), "{}{}", ran.stdout, ran.stderr);
    assert!(!ran.stderr.contains("/root/d.json") || ran.stderr.contains("~root/d.json"), "{}", ran.stderr);
}
