use crate::sandbox::{HELLO, Sandbox};

#[test]
fn the_default_names_work_without_flags() {
    let sandbox = Sandbox::new();
    sandbox.file("component-constructor.yml", HELLO);
    assert!(sandbox.ok("add cv").contains("acme.org/hello"));
    assert!(sandbox.ok("get cv transport-archive").contains("1.0.0"));
}

#[test]
fn a_version_that_is_there_with_other_content_is_refused() {
    let sandbox = Sandbox::hello();
    sandbox.file("other.yaml", &HELLO.replace("hello world", "bye"));
    sandbox.fails("add cv -c other.yaml -r ctf", 4);
    sandbox.ok("add cv -c other.yaml -r ctf --component-version-conflict-policy skip");
    sandbox.fails("add cv --file ctf other.yaml", 4);
    assert!(
        !sandbox
            .ok("get cv ctf -o yaml")
            .contains("value: b49f425a7e1f9cff3856329ada223f2f9d368f15a00cf48df16ca95986137fe8")
    );
    sandbox.ok("add cv -c other.yaml -r ctf --component-version-conflict-policy replace");
    assert!(
        sandbox
            .ok("get cv ctf -o yaml")
            .contains("value: b49f425a7e1f9cff3856329ada223f2f9d368f15a00cf48df16ca95986137fe8")
    );
}

#[test]
fn command_lines_of_the_older_program_work() {
    for line in [
        "add componentversions --create --file ./build/ctf c.yaml",
        "add cv -fcF ./build/ctf c.yaml",
        "add components -c --file ./build/ctf c.yaml",
    ] {
        let sandbox = Sandbox::new();
        sandbox.file("c.yaml", HELLO).ok(line);
        assert!(sandbox.ok("get cv ./build/ctf").contains("acme.org/hello"), "{line}");
    }
    let sandbox = Sandbox::new();
    sandbox.file("component-constructor.yaml", HELLO);
    sandbox.fails("add cv --file ctf component-constructor.yaml", 3);
    sandbox.ok("add cv --file ./transport-archive component-constructor.yaml");
}

#[test]
fn templates_take_variables_from_everywhere() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &HELLO.replace("1.0.0", "{{ .VERSION }}").replace("hello world", "{{ .TEXT }}"));
    sandbox.file("s.yaml", "VERSION: 1.0.0\nTEXT: settings\n");
    let printed = sandbox.ok("add cv --dry-run --templater go -s s.yaml c.yaml TEXT=words");
    assert!(
        printed.contains("found 1 component\n---\n")
            && printed.contains("text: words")
            && printed.contains("version: 1.0.0"),
        "{printed}"
    );
    sandbox.fails("add cv --dry-run --templater go c.yaml", 2);
    sandbox.ok("add cv --dry-run -O spec.yaml --templater go -s s.yaml c.yaml");
    assert!(sandbox.read("spec.yaml").contains("text: settings"));
}

#[test]
fn a_wrong_constructor_is_a_usage_error_and_nothing_is_written() {
    let sandbox = Sandbox::new();
    sandbox.file("c.yaml", &format!("{HELLO}unknown: 1\n"));
    let message = sandbox.fails("add cv -c c.yaml -r ctf", 2);
    assert!(message.contains("c.yaml") && message.contains("unknown"), "{message}");
    assert!(!sandbox.path("ctf").exists());
}
