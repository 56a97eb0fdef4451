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
