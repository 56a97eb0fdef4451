use crate::sandbox::Sandbox;

#[test]
fn a_resource_becomes_a_file_of_its_name() {
    let sandbox = Sandbox::hello();
    for _ in 0..2 {
        assert_eq!(sandbox.ok("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting"), "");
        assert_eq!(sandbox.read("greeting"), "hello world");
    }
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 --identity name=none", 3);
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0", 2);
    sandbox.fails("download resource", 2);
}

#[test]
fn the_older_form_names_it_behind_the_reference() {
    let sandbox = Sandbox::hello();
    assert_eq!(
        sandbox.ok("download resources ctf//acme.org/hello:1.0.0 greeting -O out.txt"),
        "out.txt: 11 byte(s) written\n"
    );
    assert_eq!(sandbox.ok("download resource --repo ctf acme.org/hello greeting -O -"), "hello world");
    assert!(sandbox.is_empty(std::path::Path::new("tmp")) || !sandbox.path("tmp").exists());
}

#[test]
fn changed_bytes_are_noticed_and_not_delivered() {
    let sandbox = Sandbox::hello();
    sandbox.file("ctf/blobs/sha256.b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", "hellO world");
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 greeting -O -", 5);
    sandbox.fails("download resource ctf//acme.org/hello:1.0.0 --identity name=greeting", 5);
    assert!(!sandbox.path("greeting").exists());
}
