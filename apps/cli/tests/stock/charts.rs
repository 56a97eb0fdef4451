//! Charts that the program packed, pulled with `helm`.

use std::fs;

use crate::client::Client;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const COMPONENT: &str = "acme.org/charts";

fn add(sandbox: &Sandbox, path: &str) {
    sandbox.add(&format!(
        "name: {COMPONENT}
version: 1.0.0
provider: {{name: acme.org}}
resources:
- name: chart
  type: helmChart
  input: {{type: helm/v1, path: {path}, repository: charts/mychart}}
"
    ));
}

fn chart(sandbox: &Sandbox) {
    sandbox.file("mychart/Chart.yaml", "apiVersion: v2\nname: mychart\nversion: 0.1.0+build.1\nappVersion: 1.10\n");
    sandbox.file("mychart/values.yaml", "greeting: hello\n");
    sandbox.file(
        "mychart/templates/greeting.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: greeting}\ndata: {text: {{ .Values.greeting }}}\n",
    );
}

/// Transfers the chart, and returns its two addresses for `helm`: inside of the component version, and its own.
fn transferred(sandbox: &Sandbox, registry: &Registry) -> [String; 2] {
    let address = &registry.address;
    let version = format!("transport-archive//{COMPONENT}:1.0.0");
    sandbox.ocm(&format!("transfer cv --copy-resources {version} http://{address}"));
    sandbox.ocm(&format!("transfer cv --copy-resources --upload-as ociArtifact {version} http://{address}/own"));
    let descriptor = sandbox.descriptor(&format!("http://{address}//{COMPONENT}:1.0.0"));
    let digest = descriptor["component"]["resources"][0]["access"]["localReference"].as_str().unwrap();
    [
        format!("oci://{}@{digest}", registry.repository(COMPONENT)),
        format!("oci://{address}/own/charts/mychart --version 0.1.0+build.1"),
    ]
}

#[test]
fn a_chart_from_a_directory_is_installed_from_the_registry() {
    let Some(helm) = Client::find("helm") else { return };
    let sandbox = Sandbox::new();
    chart(&sandbox);
    add(&sandbox, "mychart");
    for registry in Registry::each() {
        for chart in transferred(&sandbox, &registry) {
            let shown = helm.run(&sandbox, &format!("show chart --plain-http {chart}"));
            assert!(shown.contains("name: mychart\n") && shown.contains("version: 0.1.0+build.1\n"), "{shown}");
            let rendered = helm.run(&sandbox, &format!("template --plain-http release {chart}"));
            assert!(rendered.contains("data: {text: hello}"), "{rendered}");
            let out = sandbox.free_name();
            helm.run(&sandbox, &format!("pull --plain-http --untar -d {out} {chart}"));
            for file in ["values.yaml", "templates/greeting.yaml"] {
                let pulled = sandbox.read(&format!("{out}/mychart/{file}"));
                assert_eq!(pulled, sandbox.read(&format!("mychart/{file}")), "{file} from {}", registry.name);
            }
        }
    }
}

#[test]
fn a_packed_chart_comes_back_byte_for_byte_with_its_provenance() {
    let Some(helm) = Client::find("helm") else { return };
    let sandbox = Sandbox::new();
    chart(&sandbox);
    helm.run(&sandbox, "package mychart");
    let packed = "mychart-0.1.0+build.1.tgz";
    sandbox.file(&format!("{packed}.prov"), "stands for a signature\n");
    add(&sandbox, packed);
    for registry in Registry::each() {
        let [_, own] = transferred(&sandbox, &registry);
        let out = registry.name;
        fs::create_dir(sandbox.path(out)).unwrap();
        helm.run(&sandbox, &format!("pull --plain-http --prov -d {out} {own}"));
        for file in [packed.to_owned(), format!("{packed}.prov")] {
            assert_eq!(sandbox.read(&format!("{out}/{file}")), sandbox.read(&file), "{file} from {out}");
        }
    }
}
