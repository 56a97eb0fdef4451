use crate::sandbox::Sandbox;

#[test]
fn an_archive_alone_shows_everything_in_the_older_form() {
    let sandbox = Sandbox::tree();
    let expected = "COMPONENT     VERSION PROVIDER\nacme.org/leaf 0.1.0   acme.org\nacme.org/mid  0.1.0   other.org\nacme.org/root 1.0.0   acme.org\n";
    assert_eq!(sandbox.ok("get componentversions ctf --compat v1"), expected);
    assert_eq!(sandbox.ok("ocm componentversions get ctf"), expected);
    assert_eq!(sandbox.ok("cv get ctf"), expected);
}

#[test]
fn repo_asks_for_the_envelope() {
    let sandbox = Sandbox::hello();
    let envelope: serde_json::Value =
        serde_json::from_str(&sandbox.ok("get cv --repo ctf acme.org/hello -o json")).unwrap();
    assert_eq!(envelope["items"][0]["component"]["version"], "1.0.0");
    assert_eq!(envelope["items"][0]["component"]["sources"], serde_json::json!([]));
    let list: serde_json::Value = serde_json::from_str(&sandbox.ok("get cv ctf//acme.org/hello -o json")).unwrap();
    assert_eq!(list[0]["component"]["sources"], serde_json::Value::Null);
    assert!(sandbox.ok("get cv --repo ctf acme.org/hello -o yaml").starts_with("---\ncomponent:\n"));
    assert!(!sandbox.ok("get cv --repo ctf acme.org/hello -o JSON").ends_with('\n'));
}

#[test]
fn elements_are_listed() {
    let sandbox = Sandbox::tree();
    sandbox.file("hello.yaml", crate::sandbox::HELLO).ok("add cv -c hello.yaml -r ctf");
    assert_eq!(
        sandbox.ok("get resources ctf//acme.org/hello:1.0.0"),
        "NAME     VERSION IDENTITY TYPE      RELATION\ngreeting 1.0.0            plainText local\n"
    );
    assert_eq!(
        sandbox.ok("get references -r -o tree ctf//acme.org/root:1.0.0"),
        [
            "COMPONENTVERSION       NAME COMPONENT     VERSION IDENTITY",
            "└─ acme.org/root:1.0.0                            ",
            "   ├─                  leaf acme.org/leaf 0.1.0   \"name\"=\"leaf\"",
            "   └─ ⊗                mid  acme.org/mid  0.1.0   \"name\"=\"mid\"",
            "      └─               leaf acme.org/leaf 0.1.0   \"name\"=\"leaf\"",
            "",
        ]
        .join("\n")
    );
    assert_eq!(sandbox.ok("get sources ctf//acme.org/root:1.0.0"), "no elements found\n");
}

#[test]
fn names_and_versions_are_listed() {
    let sandbox = Sandbox::hello();
    assert_eq!(sandbox.ok("list cv ctf//acme.org/hello"), "COMPONENT      VERSION MESSAGE\nacme.org/hello 1.0.0   \n");
    assert_eq!(sandbox.ok("list cv ctf -o yaml"), "---\ncomponent: acme.org/hello\nversion: 1.0.0\n");
}
