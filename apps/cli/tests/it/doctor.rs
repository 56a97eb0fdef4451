use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::serve::{interrupt, serve};

fn outcome<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no {name} in {report}"))["outcome"].as_str().unwrap()
}

#[test]
fn a_registry_is_looked_into_without_writing_unless_told() {
    let sandbox = Sandbox::hello();
    let (mut child, address) = serve(&sandbox, &["serve", "registry", "--writable"]);
    let repository = format!("http://{address}/shop");
    let report: Value = serde_json::from_str(&sandbox.ok(&format!("doctor {repository} -o json"))).unwrap();
    assert_eq!((&report["healthy"], &report["registry"]), (&true.into(), &format!("http://{address}").into()));
    for (name, expected) in [
        ("connection", "ok"),
        ("certificate", "warning"),
        ("authentication", "ok"),
        ("read", "ok"),
        ("upload", "skipped"),
        ("delete", "skipped"),
    ] {
        assert_eq!(outcome(&report, name), expected, "{name}: {report}");
    }
    let index = || std::fs::read_to_string(sandbox.path("registry/artifact-index.json")).unwrap_or_default();
    assert!(!index().contains("shop"), "{}", index());
    let report: Value = serde_json::from_str(&sandbox.ok(&format!("doctor {repository} --write -o json"))).unwrap();
    for name in ["upload", "range", "chunks", "index", "referrers"] {
        assert_eq!(outcome(&report, name), "ok", "{name}: {report}");
    }
    assert!(report["checks"].as_array().unwrap().iter().any(|check| check["name"] == "mount"));
    // What was pushed is gone again.
    assert_eq!(outcome(&report, "delete"), "ok", "{report}");
    assert!(!index().contains("ocm-doctor"), "{}", index());
    let table = sandbox.ok(&format!("doctor {repository}"));
    assert!(table.starts_with("CHECK") || table.contains("CHECK"), "{table}");
    let tagged = format!("doctor http://{address}//acme.org/hello -o yaml");
    sandbox.ok(&format!("transfer cv ctf//acme.org/hello:1.0.0 http://{address}"));
    let yaml = sandbox.ok(&tagged);
    assert!(
        yaml.contains("repository: component-descriptors/acme.org/hello") && yaml.contains("go on where they were"),
        "{yaml}"
    );
    assert_eq!(interrupt(&mut child), 0);
}

#[test]
fn what_does_not_work_has_an_exit_code_and_a_report() {
    let sandbox = Sandbox::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let ran = sandbox.run(&format!("doctor http://{free}/shop -o json"));
    assert_eq!(ran.status, 8, "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((outcome(&report, "connection"), &report["healthy"]), ("failed", &false.into()));
    assert!(sandbox.run("doctor ctf::./archive").status == 2);
}

/// A registry of a few lines: answers to paths that begin with a text; everything else is `{}`. Gives its address.
fn answering(answer: impl Fn(&str) -> String + Clone + Send + 'static) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 8192];
                let read = socket.read(&mut buffer).unwrap_or(0);
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                let _ = socket.write_all(answer(text.split(' ').nth(1).unwrap_or_default()).as_bytes());
            });
        }
    });
    address
}

fn answer(headers: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn finding(report: &Value, name: &str) -> String {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap()["finding"].as_str().unwrap().to_owned()
}

fn report_of(sandbox: &Sandbox, address: &str) -> (i32, Value) {
    let begin = std::time::Instant::now();
    let ran = sandbox.run(&format!("doctor http://{address}/shop -o json"));
    assert!(begin.elapsed() < std::time::Duration::from_secs(20), "{:?}: {}", begin.elapsed(), ran.stdout);
    (ran.status, serde_json::from_str(&ran.stdout).unwrap())
}

#[test]
fn lists_that_do_not_end_properly_are_told() {
    let sandbox = Sandbox::new();
    // One that leads back to where it was.
    let round = answering(|path| {
        if path.contains("tags/list") {
            answer("link: </v2/shop/tags/list?n=1&last=a>; rel=\"next\"\r\n", "{\"tags\": [\"a\"]}")
        } else {
            answer("", "{}")
        }
    });
    let (_, report) = report_of(&sandbox, &round);
    assert_eq!(outcome(&report, "tags"), "warning");
    assert!(finding(&report, "tags").contains("does not end"), "{report}");
    // One that loses what is behind the first page.
    let short = answering(|path| match path {
        path if path.contains("tags/list?n=1000") => answer("", "{\"tags\": [\"a\", \"b\", \"c\"]}"),
        path if path.contains("tags/list") => answer("", "{\"tags\": [\"a\", \"b\"]}"),
        _ => answer("", "{}"),
    });
    let (_, report) = report_of(&sandbox, &short);
    assert_eq!(outcome(&report, "tags"), "warning");
    assert!(finding(&report, "tags").contains("3 tags, but only 2 in pages of 2"), "{report}");
    // One whose next page is elsewhere.
    let away = answering(|path| {
        if path.contains("tags/list") {
            answer("link: <http://other.example/v2/shop/tags/list?last=a>; rel=\"next\"\r\n", "{\"tags\": [\"a\"]}")
        } else {
            answer("", "{}")
        }
    });
    let (_, report) = report_of(&sandbox, &away);
    assert_eq!(outcome(&report, "tags"), "warning", "{report}");
    // Several pages, counted.
    let pages = answering(|path| match path {
        path if path.contains("last=b") => answer("", "{\"tags\": [\"c\"]}"),
        path if path.contains("tags/list") => {
            answer("link: </v2/shop/tags/list?last=b>; rel=\"next\"\r\n", "{\"tags\": [\"a\", \"b\"]}")
        }
        _ => answer("", "{}"),
    });
    let (_, report) = report_of(&sandbox, &pages);
    assert!(finding(&report, "tags").starts_with("3 tags on 2 pages"), "{report}");
}

#[test]
fn a_registry_that_does_not_answer_is_given_up_within_seconds() {
    let sandbox = Sandbox::new();
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (status, report) = report_of(&sandbox, &silent.local_addr().unwrap().to_string());
    assert_eq!((status, outcome(&report, "connection")), (8, "failed"));
    // It says something at first.
    let falling = answering(|path| match path {
        "/v2/" => answer("date: Mon, 01 Jan 2001 00:00:00 GMT\r\n", "{}"),
        _ => {
            std::thread::sleep(std::time::Duration::from_mins(1));
            String::new()
        }
    });
    let (status, report) = report_of(&sandbox, &falling);
    assert_eq!((status, outcome(&report, "read"), outcome(&report, "clock")), (8, "failed", "warning"), "{report}");
    let ran = sandbox.run("doctor http://nosuch.invalid/shop -o json");
    assert_eq!(ran.status, 8, "{}", ran.stderr);
    // No host is called `http`.
    for address in ["http://", "https://", "oci://"] {
        let message = sandbox.fails(&format!("doctor {address}"), 2);
        assert!(message.contains("has no host"), "{address}: {message}");
    }
}

#[test]
fn where_credentials_are_from_is_told() {
    let sandbox = Sandbox::new();
    let locked = ocm_testkit::TestRegistry::start().unwrap();
    locked.set(ocm_testkit::Quirk::Basic { user: "me".into(), password: "canary".into() });
    let address = locked.address();
    let port = address.rsplit_once(':').unwrap().1;
    sandbox.file(
        ".ocmconfig",
        &format!(
            "type: credentials.config.ocm.software/v1\nconsumers:\n- identity: {{type: OCIRegistry, hostname: 127.0.0.1, port: {port}}}\n  \
             credentials:\n  - {{type: OCICredentials/v1, username: me, password: canary}}\n"
        ),
    );
    let (status, report) = report_of(&sandbox, &address);
    assert_eq!(status, 0, "{report}");
    let told = finding(&report, "authentication");
    assert!(told.contains("user \"me\" from ") && told.contains(".ocmconfig:5:5"), "{told}");
    // A helper, which the Docker configuration names.
    sandbox.file(".ocmconfig", "").file(".docker/config.json", "{\"credsStore\": \"own\"}");
    sandbox.file(
        "bin/docker-credential-own",
        "#!/bin/sh\nread host\necho '{\"Username\": \"me\", \"Secret\": \"canary\"}'\n",
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let program = sandbox.path("bin/docker-credential-own");
        std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let line = format!("doctor http://{address}/shop -o json");
        let words: Vec<&str> = line.split(' ').collect();
        let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
        let ran = crate::sandbox::Ran::from(sandbox.command(&words).env("PATH", path).output().unwrap());
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let told = finding(&report, "authentication");
        assert!(told.contains(".docker/config.json: credsStore \"own\""), "{told}");
        assert!(!ran.stdout.contains("canary") && !ran.stderr.contains("canary"), "{told}");
    }
}
