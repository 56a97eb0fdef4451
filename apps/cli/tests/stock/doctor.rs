//! What `doctor` says of the registries that everybody runs, and what it leaves behind there.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// The body of the answer to a request without credentials.
fn get(registry: &Registry, path: &str) -> String {
    let mut stream = TcpStream::connect(&registry.address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", registry.address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
fn every_registry_is_looked_into_and_left_as_it_was() {
    let sandbox = Sandbox::new();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        sandbox.file(
            "c.yaml",
            format!(
                "name: acme.org/a\nversion: {version}\nprovider: {{name: acme.org}}\nresources:\n\
                 - {{name: text, type: plainText, input: {{type: utf8, text: hello world}}}}\n"
            ),
        );
        sandbox.ocm("add cv -c c.yaml -r ctf");
    }
    for registry in Registry::each() {
        let address = &registry.address;
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            sandbox.ocm(&format!("transfer cv ctf//acme.org/a:{version} http://{address}/shop"));
        }
        let line = format!("doctor http://{address}/shop//acme.org/a -o json");
        let before = get(&registry, "/v2/_catalog");
        let report: Value = serde_json::from_str(&sandbox.ocm(&line)).unwrap();
        assert_eq!(get(&registry, "/v2/_catalog").split("\r\n\r\n").last(), before.split("\r\n\r\n").last());
        for name in ["connection", "authentication", "read", "range"] {
            assert_eq!(check(&report, name)["outcome"], "ok", "{}: {report}", registry.name);
        }
        let tags = check(&report, "tags")["finding"].as_str().unwrap();
        assert!(tags.starts_with("3 tags"), "{}: {tags}", registry.name);
        // One of them ends its lists after the first page, without a word that there is more.
        let is_short = registry.name == "referrers-registry";
        assert_eq!(tags.contains("but only 2 in pages of 2"), is_short, "{}: {tags}", registry.name);
        assert_eq!(check(&report, "tags")["outcome"] == "ok", !is_short, "{}: {tags}", registry.name);
        let report: Value = serde_json::from_str(&sandbox.ocm(&format!("{line} --write"))).unwrap();
        assert_eq!(report["healthy"], true, "{}: {report}", registry.name);
        for name in ["upload", "chunks", "index", "delete"] {
            assert_eq!(check(&report, name)["outcome"], "ok", "{}: {report}", registry.name);
        }
        assert_eq!(check(&report, "mount")["outcome"] == "ok", !is_short, "{}: {report}", registry.name);
        let number = report["checks"].as_array().unwrap().iter().filter(|check| check["name"] == "range").count();
        assert_eq!(number, 1, "{report}");
        let knows_referrers = check(&report, "referrers")["outcome"] == "ok";
        assert_eq!(knows_referrers, !registry.name.contains("docker") && registry.name != "registry", "{report}");
        assert_eq!(check(&report, "subject")["outcome"] == "ok", knows_referrers, "{}: {report}", registry.name);
        let left = get(&registry, "/v2/shop/component-descriptors/acme.org/a/ocm-doctor/tags/list");
        assert!(!left.contains("[\"ocm-doctor\"]"), "{}: {left}", registry.name);
        // The component versions are whole.
        sandbox.ocm(&format!("check cv http://{address}/shop//acme.org/a:1.0.0"));
    }
}

#[test]
fn the_entry_of_a_login_is_named() {
    for registry in Registry::each_locked() {
        let sandbox = Sandbox::new();
        let line = format!("doctor http://{}/shop -o json", registry.address);
        let without = sandbox.run(std::path::Path::new(env!("CARGO_BIN_EXE_ocm")), &line);
        let report: Value = serde_json::from_slice(&without.stdout).unwrap();
        let finding = check(&report, "authentication")["finding"].as_str().unwrap().to_owned();
        assert!(finding.contains("user and password are wanted") && finding.contains("ocm login http://"), "{finding}");
        assert_eq!(without.status.code(), Some(6), "{report}");
        // somebody:secret
        let docker = format!("{{\"auths\": {{\"{}\": {{\"auth\": \"c29tZWJvZHk6c2VjcmV0\"}}}}}}", registry.address);
        sandbox.file(".docker/config.json", docker);
        let output = sandbox.run(std::path::Path::new(env!("CARGO_BIN_EXE_ocm")), &line);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let finding = check(&report, "authentication")["finding"].as_str().unwrap();
        assert!(finding.contains("user \"somebody\" from "), "{finding}");
        assert!(finding.contains(&format!(".docker/config.json: auths entry \"{}\"", registry.address)), "{finding}");
        assert!(!report.to_string().contains("secret"), "{report}");
    }
}
