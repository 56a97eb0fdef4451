//! How fast content moves, how much is asked at once, and who is asking.

use std::fs;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use ocm_testkit::{Class, Fault, Quirk, TestRegistry};

use crate::sandbox::{HELLO, Sandbox};

/// A sandbox with an archive `ctf` of one component version with `files` files of `size` bytes each.
fn with_files(files: usize, size: usize) -> Sandbox {
    let sandbox = Sandbox::new();
    let (head, _) = HELLO.split_once("resources:").unwrap();
    let mut constructor = format!("{head}resources:\n");
    for number in 0..files {
        fs::write(sandbox.path(&format!("f{number}")), ocm_testkit::fixtures::bytes(number as u64, size)).unwrap();
        constructor.extend([format!("- name: f{number}\n  type: blob\n  input: {{type: file, path: f{number}}}\n")]);
    }
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    sandbox
}

#[test]
fn content_moves_as_fast_as_it_may() {
    let sandbox = with_files(4, 1_000_000);
    let registry = TestRegistry::start().unwrap();
    let took = |line: &str| {
        let begin = Instant::now();
        sandbox.ok(line);
        begin.elapsed().as_secs_f64()
    };
    let without = took(&format!("transfer ctf ctf {}/a", registry.url()));
    let up = took(&format!("transfer ctf ctf {}/b --bandwidth 2MB/s", registry.url()));
    let down = took(&format!("--bandwidth 2MB/s transfer cv {}/a//acme.org/hello:1.0.0 ./out", registry.url()));
    let rate = NonZeroU64::new(2_000_000).unwrap().get() as f64;
    for seconds in [up, down] {
        // What the same costs without a limit is no fault of it.
        let fastest = 4_000_000.0 / rate;
        assert!((fastest * 0.9..fastest * 1.1 + without).contains(&seconds), "{seconds} s, {without} s without");
    }
}

#[test]
fn no_more_is_asked_at_once_than_is_allowed() {
    let sandbox = with_files(12, 50_000);
    let registry = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer ctf ctf {}", registry.url()));
    // Each blob takes 20 ms for every 16 KiB: 80 ms, one after the other almost a second.
    registry.fault(Fault::slow(Duration::from_millis(20)).of("GET", Class::Blob));
    let took = |most: usize| {
        let begin = Instant::now();
        sandbox
            .ok(&format!("transfer cv {}//acme.org/hello:1.0.0 ./out{most} --max-concurrency {most}", registry.url()));
        begin.elapsed()
    };
    let one = took(1);
    assert!(one >= Duration::from_millis(12 * 80), "{one:?}");
    assert!(took(12) < one);
    let document = format!("transfer cv {}//acme.org/hello:1.0.0 ./from-document --dry-run", registry.url());
    sandbox.file("spec.yaml", &sandbox.ok(&document));
    let begin = Instant::now();
    sandbox.ok("transfer cv --transfer-spec spec.yaml --max-concurrency 1");
    assert!(begin.elapsed() >= Duration::from_millis(12 * 80), "{:?}", begin.elapsed());
    // From one registry into another, what is received waits for what is sent and the other way round.
    let target = TestRegistry::start().unwrap();
    sandbox.ok(&format!("transfer cv {}//acme.org/hello:1.0.0 {} --max-concurrency 1", registry.url(), target.url()));
    sandbox.ok(&format!("get cv {}//acme.org/hello:1.0.0", target.url()));
}

#[test]
fn limits_that_are_none() {
    let sandbox = Sandbox::hello();
    for (flag, says) in [
        ("--bandwidth fast", "50MiB/s"),
        ("--bandwidth 0", "50MiB/s"),
        ("--bandwidth 50Mbit/s", "50MiB/s"),
        ("--max-concurrency 0", "--max-concurrency"),
        ("--max-concurrency many", "--max-concurrency"),
    ] {
        let message = sandbox.run(&format!("transfer ctf ctf ./out {flag}"));
        assert_eq!(message.status, 2, "{flag}: {}", message.stderr);
        assert!(message.stderr.contains(says), "{}", message.stderr);
    }
}

fn auth(host: &str, user: &str, password: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"{password}"}}}}}}"#)
}

/// Every place where credentials may be, alone.
#[test]
fn credentials_from_every_place() {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::Basic { user: "user".into(), password: "canary".into() });
    let address = registry.address();
    let text = auth(&address, "user", "canary");
    let line = format!("transfer ctf ctf {}/acme", registry.url());
    let words: Vec<&str> = line.split(' ').collect();
    for (file, variable, value) in [
        (".docker/config.json", "X", ""),
        ("docker/config.json", "DOCKER_CONFIG", "docker"),
        (".config/containers/auth.json", "X", ""),
        ("settings/containers/auth.json", "XDG_CONFIG_HOME", "settings"),
        ("run/containers/auth.json", "XDG_RUNTIME_DIR", "run"),
        ("own.json", "REGISTRY_AUTH_FILE", "own.json"),
        ("unused", "DOCKER_AUTH_CONFIG", text.as_str()),
    ] {
        let sandbox = Sandbox::hello();
        let value = if variable == "DOCKER_AUTH_CONFIG" { value.into() } else { sandbox.path(value).into_os_string() };
        let run = || sandbox.command(&words).env(variable, &value).output().unwrap();
        if variable != "DOCKER_AUTH_CONFIG" {
            let refused = run();
            assert_eq!(refused.status.code(), Some(6), "{}", String::from_utf8_lossy(&refused.stderr));
        }
        sandbox.file(file, &text);
        let done = run();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{file} {variable}: {said}");
        assert!(!said.contains("canary"), "{said}");
    }
}

/// The message names the file, the part of it, and the helper; what the helper said is no one's business.
#[cfg(unix)]
#[test]
fn a_helper_that_fails_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::Basic { user: "user".into(), password: "canary".into() });
    let sandbox = Sandbox::hello();
    sandbox.file(".docker/config.json", r#"{"credsStore":"odd"}"#);
    sandbox.file("bin/docker-credential-odd", "#!/bin/sh\necho canary >&2\necho canary\nexit 1\n");
    fs::set_permissions(sandbox.path("bin/docker-credential-odd"), fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("transfer ctf ctf {} --loglevel debug", registry.url());
    let words: Vec<&str> = line.split(' ').collect();
    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    let ran = sandbox.command(&words).env("PATH", path).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(ran.status.code(), Some(6), "{said}");
    for part in [".docker/config.json", "credsStore", "docker-credential-odd", &registry.address()] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("canary"), "{said}");
}
