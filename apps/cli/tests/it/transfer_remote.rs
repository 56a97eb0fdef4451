//! Content of web servers and chart repositories on its way: by a transfer, and by the document of its dry run.

use ocm_testkit::TestRegistry;
use serde_json::Value;

use crate::accesses::{Web, chart};
use crate::sandbox::Sandbox;

/// A component with a file of a web server and a chart of a repository, both by reference.
fn remote(sandbox: &Sandbox) -> (Web, String) {
    let (web, address) = Web::start();
    let packed = chart(sandbox);
    web.put("/f", "hello").put("/stable/app-1.2.0.tgz", packed);
    web.put("/stable/index.yaml", "entries: {app: [{version: 1.2.0, urls: [app-1.2.0.tgz]}]}");
    let constructor = format!(
        "name: acme.org/x\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
         - {{name: file, type: blob, version: 1.0.0, access: {{type: wget, url: '{address}/f'}}}}\n\
         - {{name: chart, type: helmChart, version: 1.2.0, access: {{type: helm, helmRepository: '{address}/stable', helmChart: app}}}}\n"
    );
    sandbox.file("c.yaml", &constructor).ok("add cv -c c.yaml -r ctf");
    (web, address)
}

fn resources(sandbox: &Sandbox, place: &str) -> Value {
    let printed = sandbox.ok(&format!("get cv {place}//acme.org/x:1.0.0 -o json"));
    serde_json::from_str::<Value>(&printed).unwrap()[0]["component"]["resources"].take()
}

fn digests(resources: &Value) -> Vec<Value> {
    resources.as_array().unwrap().iter().map(|resource| resource["digest"].clone()).collect()
}

#[test]
fn a_document_comes_to_what_the_transfer_does() {
    let sandbox = Sandbox::new();
    let (web, address) = remote(&sandbox);
    let before = digests(&resources(&sandbox, "ctf"));
    sandbox.ok("transfer cv --copy-resources --strict ctf//acme.org/x:1.0.0 ./direct");
    let document = sandbox.ok("transfer cv --copy-resources --strict ctf//acme.org/x:1.0.0 ./planned --dry-run");
    for node in ["DownloadWgetResource/v1alpha1", "GetHelmChart/v1alpha1", "ConvertHelmToOCI/v1alpha1"] {
        assert!(document.contains(node), "{document}");
    }
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    let (direct, planned) = (resources(&sandbox, "direct"), resources(&sandbox, "planned"));
    assert_eq!(direct, planned);
    assert_eq!(digests(&direct), before, "digests stay");
    assert!(!direct.to_string().contains(&address), "{direct}");
    assert_eq!(direct[1]["access"]["referenceName"], "stable/app:1.2.0");

    // What is there now needs its origin no more.
    web.put("/f", "other").put("/stable/app-1.2.0.tgz", "gone");
    sandbox.ok("transfer cv direct//acme.org/x:1.0.0 ./further");
    sandbox.fails("transfer cv --copy-resources ctf//acme.org/x:1.0.0 ./changed", 5);
    assert!(sandbox.fails("get cv changed//acme.org/x:1.0.0", 3).contains("changed"));
}

#[test]
fn a_chart_gets_a_name_of_its_own() {
    let sandbox = Sandbox::new();
    let (_web, _) = remote(&sandbox);
    let target = TestRegistry::start().unwrap();
    let (direct, planned) = (format!("{}/direct", target.url()), format!("{}/planned", target.url()));
    let line = |place: &str| format!("transfer cv -V -u ociArtifact ctf//acme.org/x:1.0.0 {place}");
    sandbox.ok(&line(&direct));
    let reference = resources(&sandbox, &direct)[1]["access"]["reference"].clone();
    assert!(reference.as_str().unwrap().starts_with("direct/stable/app:1.2.0@sha256:"), "{reference}");
    let document = sandbox.ok(&format!("{} --dry-run", line(&planned)));
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    let reference = resources(&sandbox, &planned)[1]["access"]["reference"].clone();
    assert!(reference.as_str().unwrap().starts_with("planned/stable/app:1.2.0@sha256:"), "{reference}");
}

#[test]
fn content_from_anywhere_is_read_once_for_several_targets() {
    let sandbox = Sandbox::new();
    let (_web, _) = remote(&sandbox);
    sandbox.ok("transfer cv --copy-resources ctf//acme.org/x:1.0.0 ./one --to ./two");
    assert_eq!(resources(&sandbox, "one"), resources(&sandbox, "two"));
    for archive in ["one", "two"] {
        sandbox
            .ok(&format!("download resource {archive}//acme.org/x:1.0.0 --identity name=file --output {archive}.txt"));
        assert_eq!(sandbox.read(&format!("{archive}.txt")), "hello");
    }
}

#[test]
fn a_chart_under_a_name_of_its_own_is_found_again_by_the_digest_of_its_file() {
    let sandbox = Sandbox::new();
    let _remote = remote(&sandbox);
    let registry = TestRegistry::start().unwrap();
    let place = format!("{}/shop", registry.url());
    for style in ["absolute", "relative"] {
        let transfer = "transfer cv --copy-resources --overwrite --upload-as ociArtifact ctf//acme.org/x:1.0.0";
        sandbox.ok(&format!("{transfer} {place} --access-style {style}"));
        for _ in ["what is there to do", "nothing"] {
            sandbox.ok(&format!("repair cv {place}//acme.org/x:1.0.0"));
            let access = resources(&sandbox, &place)[1]["access"].clone();
            assert_eq!(access["type"], "relativeOciReference", "{style}: {access}");
            assert!(access["reference"].as_str().unwrap().starts_with("shop/stable/app:1.2.0@sha256:"), "{access}");
        }
    }
}

#[test]
fn a_chart_that_the_base_has_is_left_to_it() {
    let sandbox = Sandbox::new();
    let (_web, _) = remote(&sandbox);
    let newer = sandbox.read("c.yaml").replacen("version: 1.0.0", "version: 1.1.0", 1);
    sandbox.file("c.yaml", &newer).ok("add cv -c c.yaml -r ctf");
    sandbox.ok("transfer cv --copy-resources ctf//acme.org/x:1.0.0 base");
    sandbox.ok("transfer cv --copy-resources ctf//acme.org/x:1.1.0 news.tar --since base");
    let target = TestRegistry::start().unwrap();
    let place = format!("{}/shop", target.url());
    for archive in ["base", "news.tar"] {
        sandbox.ok(&format!("transfer ctf {archive} {place}"));
    }
    sandbox.ok(&format!("check cv {place}//acme.org/x:1.1.0 --resources local"));
}
