//! Configuration files in a working directory, which may be somebody else's.

use std::path::Path;

use crate::sandbox::{Ran, Sandbox};

/// Settings that would send the program's trust to somebody else, and one that does no harm.
const CONFIG: &str = "\
configurations:
- {type: http.config.ocm.software/v1alpha1, timeout: 5s}
- {type: transfer.config.ocm.software/v1alpha1, recursive: -1}
- type: credentials.config.ocm.software
  consumers:
  - identity: {type: OCIRegistry, hostname: ghcr.io}
    credentials: [{type: Credentials/v1, properties: {username: u, password: canary}}]
";

fn run(sandbox: &Sandbox, line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    let mut command = sandbox.command(&words);
    command.current_dir(sandbox.path("work")).env("OCM_STATE_DIR", sandbox.path("state"));
    Ran::from(command.output().unwrap())
}

fn ok(sandbox: &Sandbox, line: &str) -> Ran {
    let ran = run(sandbox, line);
    assert_eq!(ran.status, 0, "{line}: {}", ran.stderr);
    ran
}

#[test]
fn a_file_in_the_working_directory_counts_when_it_was_trusted_as_it_is() {
    for name in [".ocmconfig", ".ocm/config"] {
        let sandbox = Sandbox::new();
        sandbox.file(&format!("work/{name}"), CONFIG);
        let ran = ok(&sandbox, "get config");
        assert!(!ran.stdout.contains("timeout") && !ran.stdout.contains("ghcr.io"), "{}", ran.stdout);
        assert!(ran.stdout.contains("recursive: -1"), "{}", ran.stdout);
        let message = ran.stderr;
        for part in [
            name,
            "http.config.ocm.software/v1alpha1, credentials.config.ocm.software",
            &format!("--config ./{name}"),
            &format!("ocm config trust ./{name}"),
        ] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(message.lines().count(), 1, "{message}");
        // Named, it counts this once.
        assert!(ok(&sandbox, &format!("get config --config ./{name}")).stdout.contains("timeout: 5s"));
        assert!(ok(&sandbox, "config trust").stdout.contains(name));
        let ran = ok(&sandbox, "get config");
        assert!(ran.stdout.contains("timeout: 5s") && ran.stdout.contains("ghcr.io"), "{}", ran.stdout);
        assert!(ran.stderr.is_empty() && !ran.stdout.contains("canary"), "{}{}", ran.stdout, ran.stderr);
        // Other content is somebody else's again.
        sandbox.file(&format!("work/{name}"), &CONFIG.replace("5s", "6s"));
        assert!(!ok(&sandbox, "get config").stdout.contains("timeout"));
        sandbox.file(&format!("work/{name}"), CONFIG);
        assert!(ok(&sandbox, "get config").stdout.contains("timeout: 5s"));
        ok(&sandbox, &format!("config untrust {name}"));
        assert!(!ok(&sandbox, "get config").stdout.contains("timeout"));
        assert_eq!(run(&sandbox, "config untrust").status, 3);
        assert!(!sandbox.path(".ocm").exists(), "nothing is written into the home directory");
    }
}

#[test]
fn the_same_file_elsewhere_is_not_trusted() {
    let sandbox = Sandbox::new();
    sandbox.file("work/.ocmconfig", CONFIG).file("other/.ocmconfig", CONFIG);
    ok(&sandbox, "config trust ../other/.ocmconfig");
    assert!(!ok(&sandbox, "get config").stdout.contains("timeout"));
    assert_eq!(run(&sandbox, "config trust nofile").status, 2);
    std::fs::remove_file(sandbox.path("work/.ocmconfig")).unwrap();
    assert_eq!(run(&sandbox, "config trust").status, 3);
}

#[test]
fn a_working_directory_that_is_home_is_ones_own() {
    let sandbox = Sandbox::new();
    sandbox.file(".ocmconfig", CONFIG);
    let ran = sandbox.run("get config");
    assert!(ran.stdout.contains("timeout: 5s") && ran.stderr.is_empty(), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.matches("ghcr.io").count(), 1, "{}", ran.stdout);
}

#[test]
fn a_broken_file_in_the_working_directory_stops_nobody() {
    let sandbox = Sandbox::new();
    sandbox.file("work/.ocmconfig", "a: [\n");
    let ran = ok(&sandbox, "get config");
    assert!(ran.stderr.contains("ignored: configuration ./.ocmconfig:"), "{}", ran.stderr);
    assert!(Path::new(&sandbox.path("work/.ocmconfig")).exists());
}
