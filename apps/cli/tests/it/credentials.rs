use std::process::Stdio;

use ocm_testkit::{Quirk, TestRegistry};

use crate::sandbox::{Ran, Sandbox};

/// A registry that knows one user.
fn registry(user: &str, password: &str) -> TestRegistry {
    let registry = TestRegistry::start().unwrap();
    registry.set(Quirk::Basic { user: user.into(), password: password.into() });
    registry
}

fn with_input(sandbox: &Sandbox, line: &str, input: &str) -> Ran {
    use std::io::Write as _;
    let words: Vec<&str> = line.split(' ').collect();
    let mut child =
        sandbox.command(&words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ran::from(child.wait_with_output().unwrap())
}

fn file(entries: &str) -> String {
    format!(
        "type: generic.config.ocm.software/v1\nconfigurations:\n- type: credentials.config.ocm.software/v1\n{entries}"
    )
}

fn entry(registry: &TestRegistry, more: &str, user: &str, password: &str) -> String {
    let port = registry.address().rsplit_once(':').unwrap().1.to_owned();
    format!(
        "  - identity: {{type: OCIRegistry, hostname: 127.0.0.1, port: {port}{more}}}
    credentials: [{{type: Credentials/v1, properties: {{username: {user}, password: '{password}'}}}}]\n"
    )
}

#[test]
fn login_checks_keeps_and_forgets() {
    let (sandbox, registry) = (Sandbox::hello(), registry("me", "right"));
    let address = registry.url();
    let line = format!("login {address} -u me --password-stdin");
    let wrong = with_input(&sandbox, &line, "canary\n");
    assert_eq!(wrong.status, 6, "{}", wrong.stderr);
    assert!(wrong.stderr.contains("does not accept this password for user \"me\""), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("canary") && !sandbox.path(".docker/config.json").exists());
    let transfer = format!("transfer cv ctf//acme.org/hello:1.0.0 {address}/shop");
    let refused = sandbox.fails(&transfer, 6);
    let says = format!("none are configured for {}: add them with `ocm login {address}`", registry.address());
    assert!(refused.contains(&says), "{refused}");
    let right = with_input(&sandbox, &line, "right\n");
    assert_eq!(right.status, 0, "{}", right.stderr);
    assert!(right.stdout.starts_with(&format!("logged in to {}", registry.address())), "{}", right.stdout);
    sandbox.ok(&transfer);
    let shown = sandbox.ok(&format!("get credentials {address}/shop"));
    assert!(shown.contains("username  me") && shown.contains("password  ***") && !shown.contains("right"), "{shown}");
    assert!(shown.contains(".docker/config.json: auths entry"), "{shown}");
    assert!(sandbox.ok(&format!("get credentials {address} --reveal")).contains("password  right"));
    sandbox.ok(&format!("logout {address}"));
    sandbox.fails(&format!("logout {address}"), 3);
    sandbox.fails(&format!("get credentials {address}"), 3);
    let nobody = with_input(&sandbox, &format!("login {address} -u me"), "right\n");
    assert!(nobody.status == 2 && nobody.stderr.contains("--password-stdin"), "{}", nobody.stderr);
    assert_eq!(sandbox.run(&format!("login {address}/path -u me -p right")).status, 2);
}

#[test]
fn a_refusal_names_what_was_shown() {
    let sandbox = Sandbox::hello();
    let registry = registry("me", "right");
    sandbox.file("wrong.yaml", &file(&format!("  consumers:\n{}", entry(&registry, "", "me", "canary"))));
    let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {}/shop --config wrong.yaml", registry.url());
    let message = sandbox.fails(&line, 6);
    assert!(message.contains("(user \"me\" from wrong.yaml:6:19) are not accepted"), "{message}");
    assert!(!message.contains("canary"), "{message}");
    // The same when a token service refuses.
    let user = Some(("me".to_owned(), "right".to_owned()));
    let token = TestRegistry::start().unwrap();
    token.set(Quirk::Token { lifetime: std::time::Duration::from_mins(5), user });
    sandbox.file("token.yaml", &file(&format!("  consumers:\n{}", entry(&token, "", "me", "canary"))));
    let line = format!("transfer cv ctf//acme.org/hello:1.0.0 {}/shop --config token.yaml", token.url());
    let message = sandbox.fails(&line, 6);
    assert!(message.contains("(user \"me\" from token.yaml:6:19) are not accepted"), "{message}");
    assert!(!message.contains("canary"), "{message}");
}

/// Entries for a path count for component versions and for images.
#[test]
fn the_closest_entry_of_the_configuration_is_shown() {
    let (sandbox, registry) = (Sandbox::hello(), registry("me", "right"));
    let entries = [
        entry(&registry, "", "host", "wrong"),
        entry(&registry, ", path: shop/*", "me", "right"),
        entry(&registry, ", path: images/app, scheme: http", "me", "right"),
        entry(&registry, ", path: images/*, scheme: https", "tls", "wrong"),
    ];
    sandbox.file("c.yaml", &file(&format!("  consumers:\n{}", entries.concat())));
    let address = registry.url();
    sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 {address}/shop/parts --config c.yaml"));
    sandbox.ok(&format!("get cv {address}/shop/parts//acme.org/hello:1.0.0 --config c.yaml"));
    let denied = sandbox.fails(&format!("get cv {address}/other//acme.org/hello:1.0.0 --config c.yaml"), 6);
    assert!(denied.contains("user \"host\" from c.yaml:6:19"), "{denied}");
    for (path, user) in [("images/app", "me"), ("images/other", "host"), ("shop/parts", "me"), ("shop", "host")] {
        let shown = sandbox.ok(&format!("get credentials {address}/{path} --config c.yaml -o json"));
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["credentials"]["username"], user, "{path}");
        assert_eq!(shown["credentials"]["password"], "***");
        assert_eq!(shown["consumer"]["path"], path);
    }
}

#[test]
fn consumers_of_every_kind_can_be_asked_for() {
    let sandbox = Sandbox::new();
    sandbox.file(".npmrc", "//npm.example.com/:_authToken=canary\n").file(
        "c.yaml",
        &file("  repositories:\n  - repository: {type: NPMConfig/v1, npmrcFile: ~/.npmrc}\n  - repository: {type: GardenerConfig/v1}\n"),
    );
    let line = "get credentials type=NpmRegistry hostname=npm.example.com pathprefix=team --config c.yaml";
    let shown = sandbox.ok(line);
    assert!(shown.contains("token     ***") && shown.contains(".npmrc:1"), "{shown}");
    let yaml = sandbox.ok(&format!("{line} -o yaml"));
    assert!(yaml.contains("\n  token:") && !yaml.contains("canary"), "{yaml}");
    // The older program shows secrets, in a table with nothing else.
    assert_eq!(sandbox.ok(&format!("{line} --compat v1")), "ATTRIBUTE VALUE\ntoken     canary\n");
    let missing = "get credentials type=NpmRegistry hostname=other --config c.yaml";
    let message = sandbox.fails(missing, 3);
    assert!(message.contains("there are no credentials for hostname=other,type=NpmRegistry"), "{message}");
    assert!(message.contains("\\\"GardenerConfig/v1\\\" is not supported"), "{message}");
    assert_eq!(sandbox.run(&format!("{missing} --compat v1")).status, 1);
    sandbox.fails("get credentials hostname=x", 2);
    sandbox.fails("get credentials type=X novalue", 2);
    sandbox.file("bad.yaml", &file("  consumers:\n  - identity: {hostname: x}\n"));
    let message = sandbox.fails("get credentials ghcr.io --config bad.yaml", 2);
    assert!(message.contains("bad.yaml:5:15: the identity has no type"), "{message}");
}

#[test]
fn a_password_in_an_address_is_not_repeated() {
    let sandbox = Sandbox::new();
    for line in [
        "login https://me:canary@h.example -u a --password-stdin",
        "logout https://me:canary@h.example",
        "get credentials https://me:canary@h.example/x",
        "doctor https://me:canary@h.example/x",
        "config explain https://me:canary@h.example",
    ] {
        let ran = sandbox.run(line);
        assert!(ran.status != 0 || line.starts_with("config explain"), "{line}");
        assert!(
            !ran.stderr.contains("canary") && !ran.stdout.contains("canary"),
            "{line}: {}{}",
            ran.stdout,
            ran.stderr
        );
    }
}
