//! What a reference names is what is meant: digests, hosts and files, things that do not exist.

use crate::sandbox::{HELLO, Sandbox};

const WRONG: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn a_digest_in_a_reference_has_to_be_right() {
    let sandbox = Sandbox::hello();
    let index: serde_json::Value = serde_json::from_str(&sandbox.read("ctf/artifact-index.json")).unwrap();
    let right = index["artifacts"][0]["digest"].as_str().unwrap().to_owned();
    let lines = [
        "get cv ctf//acme.org/hello:1.0.0@{}",
        "get resources ctf//acme.org/hello:1.0.0@{}",
        "list cv ctf//acme.org/hello:1.0.0@{}",
        "transfer cv ctf//acme.org/hello:1.0.0@{} ./out",
        "download resource ctf//acme.org/hello:1.0.0@{} --identity name=greeting --output got",
        "download cv ctf//acme.org/hello:1.0.0@{} -O saved",
    ];
    for line in lines {
        let message = sandbox.fails(&line.replace("{}", WRONG), 5);
        assert!(message.contains(WRONG) && message.contains(&right), "{line}: {message}");
    }
    for name in ["out", "got", "saved"] {
        assert!(!sandbox.path(name).exists(), "{name}");
    }
    for line in lines {
        sandbox.ok(&line.replace("{}", &right));
    }
    // A digest alone chooses a version.
    sandbox.fails(&format!("get cv ctf//acme.org/hello@{WRONG}"), 3);
    assert!(sandbox.ok(&format!("get cv ctf//acme.org/hello@{right}")).contains("1.0.0"));
}

#[test]
fn a_file_or_folder_with_a_dot_is_no_host() {
    let sandbox = Sandbox::hello();
    sandbox.ok("transfer ctf ctf ./product-1.0.tgz");
    std::fs::rename(sandbox.path("ctf"), sandbox.path("my.archive")).unwrap();
    for place in ["my.archive", "product-1.0.tgz"] {
        assert!(sandbox.ok(&format!("get cv {place}")).contains("acme.org/hello"));
        assert!(sandbox.ok(&format!("get cv {place}//acme.org/hello:1.0.0")).contains("acme.org/hello"));
    }
    // Also as target.
    sandbox.file("more.yaml", &HELLO.replace("1.0.0", "2.0.0")).ok("add cv -c more.yaml -r my.archive");
    sandbox.ok("transfer cv my.archive//acme.org/hello:2.0.0 product-1.0.tgz");
    assert!(sandbox.ok("get cv product-1.0.tgz//acme.org/hello:2.0.0").contains("2.0.0"));
}

#[test]
fn nothing_found_is_no_success() {
    let sandbox = Sandbox::hello();
    for line in [
        "get cv ctf//acme.org/nobody",
        "get cv ctf//acme.org/hello:9.9.9",
        "get cv ctf//acme.org/hello --semver-constraint >=2",
        "get cv --repo ctf acme.org/nobody",
        "get resources ctf//acme.org/hello:9.9.9",
        "get resources ctf//acme.org/hello:1.0.0 nothing",
        "list cv ctf//acme.org/nobody",
        "list cv ctf//acme.org/hello:9.9.9",
        "download resource ctf//acme.org/hello:1.0.0 --identity name=nothing",
        "download resources ctf//acme.org/hello:1.0.0 nothing -O got",
        "download sources ctf//acme.org/hello:1.0.0 nothing -O got",
        "download cv ctf//acme.org/hello:9.9.9 -O got",
        "transfer cv ctf//acme.org/hello:9.9.9 ./got",
        "transfer cv ctf//acme.org/nobody ./got",
        "transfer cv ctf//acme.org/hello --latest --semver-constraint >=2 ./got",
        "transfer cv missing//acme.org/hello:1.0.0 ./got",
        "transfer ctf missing ./got",
        "get cv missing.tgz",
        "get cv ./missing.tar//acme.org/hello:1.0.0",
        "serve missing",
    ] {
        sandbox.fails(line, 3);
        assert!(!sandbox.path("got").exists(), "{line}");
    }
}

#[test]
fn words_that_mean_nothing_are_refused() {
    let sandbox = Sandbox::hello();
    for group in ["add", "get", "list", "transfer", "download"] {
        assert!(sandbox.fails(&format!("{group} nonsense"), 2).contains("unknown command \"nonsense\""));
    }
    for line in [
        "nonsense",
        "version -f nonsense",
        "version -f nonsense --compat v1",
        "add cv -c hello.yaml -r out -o nonsense",
        "add cv -c hello.yaml -r out --type nonsense --create",
        "add cv -c hello.yaml -r out --component-version-conflict-policy overwrite",
        "add cv -c hello.yaml -r out --external-component-version-copy-policy nonsense",
        "add cv -c hello.yaml -r out --templater nonsense",
        "add cv -c hello.yaml -r out --oci-artifact-digest nonsense",
        "add cv -c hello.yaml -r out --creation-time nonsense",
        "get cv ctf -o nonsense",
        "get resources ctf//acme.org/hello:1.0.0 -o nonsense",
        "list cv ctf -o nonsense",
        "transfer cv ctf//acme.org/hello:1.0.0 out --upload-as nonsense",
        "transfer cv ctf//acme.org/hello:1.0.0 out --type nonsense",
        "transfer cv ctf//acme.org/hello:1.0.0 out -o nonsense",
        "download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output out --transformer nonsense",
        "download resource ctf//acme.org/hello:1.0.0 --identity name=greeting --output out --extraction-policy nonsense",
        "download cv ctf//acme.org/hello:1.0.0 -O out --type nonsense",
        "serve ctf --address nonsense",
    ] {
        sandbox.fails(line, 2);
        assert!(!sandbox.path("out").exists(), "{line}");
    }
}

#[test]
fn too_few_words_are_no_crash() {
    let sandbox = Sandbox::new();
    for line in [
        "get cv",
        "get resources",
        "transfer cv",
        "transfer cv ./only-one",
        "transfer ctf",
        "download resource",
        "download resource --identity name=x",
        "download cv",
        "download artifact",
        "serve",
    ] {
        sandbox.fails(line, 2);
    }
    assert!(sandbox.is_empty(std::path::Path::new("")));
}

#[test]
fn strange_files_in_the_plugin_folder_do_not_matter() {
    let sandbox = Sandbox::hello();
    sandbox.file(".config/ocm/plugins/README", "no program\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let readme = sandbox.path(".config/ocm/plugins/README");
        std::fs::set_permissions(readme, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    for line in ["version", "get cv ctf", "transfer cv ctf//acme.org/hello:1.0.0 ./out"] {
        let ran = sandbox.run(line);
        assert!(ran.status == 0 && !ran.stderr.contains("README"), "{line}: {}", ran.stderr);
    }
}

#[test]
fn an_ambiguous_identity_is_refused_and_a_full_one_is_not() {
    let sandbox = Sandbox::new();
    sandbox.file(
        "c.yaml",
        &HELLO.replace(
            "- name: greeting\n",
            "- {name: greeting, type: plainText, extraIdentity: {lang: de}, input: {type: utf8, text: hallo}}\n\
             - {name: greeting, type: plainText, extraIdentity: {lang: fr}, input: {type: utf8, text: salut}}\n\
             - name: other\n",
        ),
    );
    sandbox.ok("add cv -c c.yaml -r ctf");
    let line = "download resource ctf//acme.org/hello:1.0.0 --output got --identity name=greeting";
    let message = sandbox.fails(line, 2);
    assert!(message.contains("lang") && message.contains("de") && message.contains("fr"), "{message}");
    assert!(!sandbox.path("got").exists());
    sandbox.ok(&format!("{line},lang=fr"));
    assert_eq!(sandbox.read("got"), "salut");
}

#[test]
fn cycles_end_and_are_named() {
    let sandbox = Sandbox::new();
    let component = |name: &str, target: &str| {
        format!(
            "- {{name: acme.org/{name}, version: 1.0.0, provider: {{name: acme.org}}, \
             componentReferences: [{{name: next, version: 1.0.0, componentName: acme.org/{target}}}]}}\n"
        )
    };
    let file = |parts: &[String]| format!("components:\n{}", parts.concat());
    sandbox.file("self.yaml", &file(&[component("alone", "alone")]));
    let message = sandbox.fails("add cv -c self.yaml -r ctf", 2);
    assert!(message.contains("self.yaml:2:") && message.contains("acme.org/alone:1.0.0"), "{message}");
    sandbox.file("ring.yaml", &file(&[component("one", "two"), component("two", "three"), component("three", "one")]));
    let message = sandbox.fails("add cv -c ring.yaml -r ctf", 2);
    for name in ["acme.org/one", "acme.org/two", "acme.org/three"] {
        assert!(message.contains(name), "{message}");
    }
    assert!(!sandbox.path("ctf").exists());

    // A ring can still come into an archive piece by piece; whoever walks it must come to an end. (The older program
    // accepts references to what does not exist yet.)
    sandbox.file("one.yaml", &file(&[component("one", "two")]));
    sandbox.ok("add cv --create --file ctf one.yaml");
    sandbox.file("two.yaml", &file(&[component("two", "one")])).ok("add cv --file ctf two.yaml");
    for line in [
        "get cv ctf//acme.org/one:1.0.0 --recursive",
        "get cv ctf//acme.org/one:1.0.0 --recursive -o tree",
        "get references ctf//acme.org/one:1.0.0 -r",
    ] {
        let ran = sandbox.run(line);
        assert_eq!(ran.status, 1, "{line}: {}", ran.stdout);
        let circle = "acme.org/one:1.0.0 → acme.org/two:1.0.0 → acme.org/one:1.0.0";
        assert!(ran.stderr.contains(circle), "{line}: {}", ran.stderr);
    }
    let ran = sandbox.run("transfer cv ctf//acme.org/one:1.0.0 ./out --recursive");
    let circle = "references go in a circle, which nobody can sign: \
                  acme.org/one:1.0.0 → acme.org/two:1.0.0 → acme.org/one:1.0.0";
    assert!(ran.status == 0 && ran.stderr.contains(circle), "{}", ran.stderr);
    assert_eq!(sandbox.ok("get cv out -o ndjson").lines().count(), 2);
}

#[test]
fn references_nested_deep_or_often_end_in_bounded_time() {
    let sandbox = Sandbox::new();
    let component = |name: String, references: &[String]| {
        let references = references
            .iter()
            .enumerate()
            .map(|(number, target)| format!("{{name: ref{number}, version: 1.0.0, componentName: acme.org/{target}}}"));
        let references = references.collect::<Vec<_>>().join(", ");
        format!(
            "- {{name: acme.org/{name}, version: 1.0.0, provider: {{name: acme.org}}, \
             componentReferences: [{references}]}}\n"
        )
    };
    let file = |levels: usize, times: usize| {
        let level = |number: usize| {
            let next = if number + 1 < levels { vec![format!("level{}", number + 1); times] } else { Vec::new() };
            component(format!("level{number}"), &next)
        };
        format!("components:\n{}", (0..levels).map(level).collect::<String>())
    };
    // What is nested too deep for one tree is shown all the same by the command that has just written it.
    sandbox.file("chain.yaml", &file(400, 1));
    assert_eq!(sandbox.ok("add cv -c chain.yaml -r chain -o ndjson --loglevel error").lines().count(), 400);
    assert!(sandbox.fails("get cv chain//acme.org/level0:1.0.0 --recursive", 1).contains("levels deep"));
    // Forty versions, with more ways through them than can be counted.
    sandbox.file("wide.yaml", &file(40, 2)).ok("add cv -c wide.yaml -r wide --loglevel error");
    assert!(sandbox.fails("get cv wide//acme.org/level0:1.0.0 --recursive", 1).contains("nodes"));
    let copied = sandbox.run("transfer cv wide//acme.org/level0:1.0.0 ./out --recursive");
    assert!(copied.status == 0 && copied.stderr.contains("40 component version(s)"), "{}", copied.stderr);
}
