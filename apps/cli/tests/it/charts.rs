//! Helm charts in a registry without TLS: `oci+http://`, in accesses and in inputs.

use ocm_testkit::TestRegistry;

use crate::sandbox::Sandbox;

/// A registry with the chart `own/charts/mychart:0.1.0`.
fn registry(sandbox: &Sandbox) -> TestRegistry {
    sandbox.file("mychart/Chart.yaml", "apiVersion: v2\nname: mychart\nversion: 0.1.0\n");
    sandbox.file("mychart/values.yaml", "greeting: hello\n");
    sandbox.file(
        "first.yaml",
        "name: acme.org/first
version: 1.0.0
provider: {name: acme.org}
resources:
- {name: chart, type: helmChart, input: {type: helm, path: mychart, repository: charts/mychart}}
",
    );
    sandbox.ok("add cv -c first.yaml -r first");
    let registry = TestRegistry::start().unwrap();
    sandbox.ok(&format!(
        "transfer cv --copy-resources --upload-as ociArtifact first//acme.org/first:1.0.0 {}/own",
        registry.url()
    ));
    registry
}

fn constructor(resource: &str) -> String {
    format!(
        "name: acme.org/product\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n\
         - {{name: chart, type: helmChart, version: 0.1.0, {resource}}}\n"
    )
}

const CHART: &str = "//acme.org/product:1.0.0 --identity name=chart --output";

#[test]
fn charts_of_a_registry_without_tls_are_named_by_access_and_input() {
    let sandbox = Sandbox::new();
    let registry = registry(&sandbox);
    let at = format!("oci+http://{}/own/charts", registry.address());
    for (name, resource) in [
        ("access", format!("access: {{type: helm, helmRepository: \"{at}\", helmChart: mychart, version: 0.1.0}}")),
        ("tagged", format!("access: {{type: helm, helmRepository: \"{at}/\", helmChart: \"mychart:0.1.0\"}}")),
        ("input", format!("input: {{type: helm, helmRepository: \"{at}/mychart:0.1.0\"}}")),
        ("parts", format!("input: {{type: helm, helmRepository: \"{at}\", path: mychart, version: 0.1.0}}")),
    ] {
        sandbox.file(&format!("{name}.yaml"), &constructor(&resource));
        sandbox.ok(&format!("add cv -c {name}.yaml -r {name}"));
        let out = format!("{name}.tgz");
        sandbox.ok(&format!("download resource {name}{CHART} {out}"));
        assert!(sandbox.path(&out).metadata().unwrap().len() > 100, "{name}");
        // Its digest is that of the chart that is there, and is checked.
        sandbox.ok(&format!("check cv {name}//acme.org/product:1.0.0"));
        sandbox.ok(&format!("transfer cv --copy-resources {name}//acme.org/product:1.0.0 {name}-copy"));
        sandbox.ok(&format!("download resource {name}-copy{CHART} {name}-copy.tgz"));
        // A chart that is carried along is the artifact that it is in the registry.
        let copied = sandbox.path(&format!("{name}-copy.tgz"));
        assert!(copied.is_file() || copied.join("index.json").is_file(), "{name}");
    }
    let found = sandbox.run("check portability access//acme.org/product:1.0.0");
    assert!(found.stdout.contains("http scheme"), "{} {}", found.stdout, found.stderr);
}

#[test]
fn oci_alone_means_tls_and_other_schemes_are_refused() {
    let sandbox = Sandbox::new();
    let registry = registry(&sandbox);
    let access = |address: &str| {
        constructor(&format!(
            "access: {{type: helm, helmRepository: \"{address}\", helmChart: mychart, version: 0.1.0}}"
        ))
    };
    sandbox.file("tls.yaml", &access(&format!("oci://{}/own/charts", registry.address())));
    let error = sandbox.fails("add cv -c tls.yaml -r tls", 8);
    assert!(error.contains("does not speak TLS"), "{error}");
    sandbox.file("odd.yaml", &access(&format!("oci+https://{}/own/charts", registry.address())));
    let error = sandbox.fails("add cv -c odd.yaml -r odd", 2);
    assert!(error.contains("must begin with https://, http://, oci:// or oci+http://"), "{error}");
}
