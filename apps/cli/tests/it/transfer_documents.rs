//! The document of a dry run, carried out, comes to what the transfer itself does: byte for byte, whatever is transferred
//! and however.

use std::collections::{BTreeMap, BTreeSet};

use ocm_oci::{Registry as _, Selector};
use ocm_testkit::{TestRegistry, fixtures};
use serde_json::Value;

use crate::accesses::{Web, chart};
use crate::images::wait;
use crate::portability::{Moved, PATH};
use crate::sandbox::Sandbox;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Everything that can be transferred: an archive `ctf` with `acme.org/all:1.0.0`, which refers to `acme.org/leaf:0.1.0`,
/// a web server and a registry that its accesses lead to, and the same in a registry with images beside it.
struct World {
    sandbox: Sandbox,
    web: Web,
    images: TestRegistry,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let (web, address) = Web::start();
        let packed = chart(&sandbox);
        web.put("/f", "hello").put("/stable/app-1.2.0.tgz", packed);
        web.put("/stable/index.yaml", "entries: {app: [{version: 1.2.0, urls: [app-1.2.0.tgz]}]}");
        web.put(&format!("/api/v3/repos/acme/app/tarball/{COMMIT}"), format!("{address}/commit"));
        web.put("/commit", "a commit").put("/data/a/b", "an object").put("/npm/pkg.tgz", "a package");
        web.put("/npm/pkg/1.0.0", format!("{{\"dist\": {{\"tarball\": \"{address}/npm/pkg.tgz\"}}}}"));
        web.put("/maven/org/acme/app/1.0/app-1.0.jar", "a jar");
        let images = TestRegistry::start().unwrap();
        let image = fixtures::image_with(1, 2, 1000);
        let repository = images.store().repository("team/app");
        wait(image.push(repository.as_ref(), Some("v1"))).unwrap();
        wait(fixtures::image_with(2, 1, 10).push(repository.as_ref(), Some("v2"))).unwrap();
        fixtures::image_with(3, 1, 100).write_layout(&sandbox.path("layout"), Some("v1")).unwrap();
        let registry = images.url();
        let manifest = wait(repository.manifest(&Selector::Tag("v1".into()))).unwrap().document().unwrap();
        let layer = manifest.blobs()[1].clone();
        let (digest, size, kind) = (&layer.digest, layer.size, &layer.media_type);
        sandbox.file(
            "all.yaml",
            &format!(
                "components:
- name: acme.org/leaf
  version: 0.1.0
  provider: {{name: acme.org}}
  resources:
  - {{name: text, type: plainText, input: {{type: utf8, text: leaf}}}}
- name: acme.org/all
  version: 1.0.0
  provider: {{name: acme.org}}
  labels: [{{name: hostile, value: '$${{environment.x}}'}}]
  componentReferences:
  - {{name: leaf, version: 0.1.0, componentName: acme.org/leaf}}
  sources:
  - {{name: notes, type: plainText, version: 1.0.0, input: {{type: utf8, text: a source}}}}
  - {{name: file, type: blob, version: 1.0.0, access: {{type: wget, url: '{address}/f'}}}}
  - {{name: object, type: blob, version: 1.0.0, access: {{type: s3, bucketName: data, objectKey: a/b, endpoint: '{address}'}}}}
  - {{name: commit, type: git, version: 1.0.0, access: {{type: gitHub, repoUrl: '{address}/acme/app', commit: {COMMIT}}}}}
  - {{name: image, type: ociImage, version: 1.0.0, access: {{type: ociArtifact, imageReference: '{registry}/team/app:v2'}}}}
  resources:
  - {{name: text, type: plainText, version: 1.0.0, input: {{type: utf8, text: hello}}}}
  - {{name: layout, type: ociImage, version: 1.0.0, input: {{type: dir, path: layout, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}}}
  - {{name: helm-local, type: helmChart, version: 1.0.0, input: {{type: helm, path: chart}}}}
  - {{name: image, type: ociImage, version: 1.0.0, labels: [{{name: l, value: {{a: 1.5}}}}],
     access: {{type: ociArtifact, imageReference: '{registry}/team/app:v1'}}}}
  - {{name: image, type: ociImage, version: 1.0.0, extraIdentity: {{arch: arm64}}, relation: local,
     access: {{type: ociArtifact, imageReference: '{registry}/team/app:v2'}}}}
  - {{name: layer, type: blob, version: 1.0.0,
     access: {{type: ociBlob, ref: '{registry}/team/app', digest: '{digest}', size: {size}, mediaType: {kind}}}}}
  - {{name: helm-http, type: helmChart, version: 1.2.0, access: {{type: helm, helmRepository: '{address}/stable', helmChart: app}}}}
  - {{name: file, type: blob, version: 1.0.0, access: {{type: wget, url: '{address}/f'}}}}
  - {{name: commit, type: git, version: 1.0.0, access: {{type: gitHub, repoUrl: '{address}/acme/app', commit: {COMMIT}}}}}
  - {{name: object, type: blob, version: 1.0.0, access: {{type: s3, bucketName: data, objectKey: a/b, endpoint: '{address}'}}}}
  - {{name: package, type: npmPackage, version: 1.0.0, access: {{type: npm, registry: '{address}/npm', package: pkg, version: 1.0.0}}}}
  - {{name: jar, type: mavenPackage, version: 1.0.0,
     access: {{type: maven, repoUrl: '{address}/maven', groupId: org.acme, artifactId: app, version: '1.0', extension: jar}}}}
  - {{name: nothing, type: blob, version: 1.0.0, access: {{type: none}}}}
  - {{name: strange, type: blob, version: 1.0.0, access: {{type: strange/v1, where: '$${{HOME}}'}}}}
"
            ),
        );
        sandbox.ok("add cv -c all.yaml -r ctf");
        Self { sandbox, web, images }
    }

    /// The same in a registry, its images beside it under relative names.
    fn in_registry(&self) -> String {
        let place = format!("{}/origin/of/all", self.images.url());
        self.sandbox.ok(&format!("transfer cv -r --copy-resources -u ociArtifact ctf//acme.org/all:1.0.0 {place}"));
        place
    }
}

/// What an archive holds: its index and the names of its blobs, which are their digests.
fn archive(sandbox: &Sandbox, name: &str) -> BTreeMap<String, String> {
    let blobs = std::fs::read_dir(sandbox.path(&format!("{name}/blobs"))).unwrap();
    let names: BTreeSet<String> = blobs.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let index = sandbox.read(&format!("{name}/artifact-index.json"));
    BTreeMap::from([("index".to_owned(), index), ("blobs".to_owned(), format!("{names:#?}"))])
}

/// What a registry holds: the digests behind all names.
fn registry(registry: &TestRegistry) -> BTreeMap<String, String> {
    wait(async {
        let mut found = BTreeMap::new();
        for name in registry.store().repositories().await.unwrap() {
            let repository = registry.store().repository(&name);
            for tag in repository.tags().await.unwrap() {
                let root = repository.resolve(&Selector::Tag(tag.clone())).await.unwrap().unwrap();
                found.insert(format!("{name}:{tag}"), root.digest.to_string());
            }
        }
        found
    })
}

/// Takes everything away that can be found by a name.
fn clear(registry: &TestRegistry) {
    wait(async {
        for name in registry.store().repositories().await.unwrap() {
            let repository = registry.store().repository(&name);
            for tag in repository.tags().await.unwrap() {
                let root = repository.resolve(&Selector::Tag(tag)).await.unwrap().unwrap();
                repository.delete_manifest(&root.digest.into()).await.unwrap();
            }
        }
    });
}

/// The lines in which two texts differ.
fn differing(planned: &str, direct: &str) -> String {
    let lines = planned.lines().zip(direct.lines()).filter(|(planned, direct)| planned != direct);
    lines.map(|(planned, direct)| format!("{planned} [planned]\n{direct} [direct]\n")).collect::<Vec<_>>().concat()
}

/// Carries out the document of a dry run, then the transfer itself, and compares what they leave behind.
#[track_caller]
fn same_in_archive(sandbox: &Sandbox, number: usize, flags: &str, source: &str) {
    let (planned, direct) = (format!("planned{number}"), format!("direct{number}"));
    let line = |target: &str| format!("transfer cv {flags} {source} ./{target}").replace("  ", " ");
    let document = sandbox.ok(&format!("{} --dry-run", line(&planned)));
    sandbox.file("spec.yaml", &document).ok("transfer cv --transfer-spec spec.yaml");
    sandbox.ok(&line(&direct));
    let text = |target: &str| sandbox.ok(&format!("get cv {target} -o yaml"));
    assert_eq!(differing(&text(&planned), &text(&direct)), "", "{flags} {source} to an archive");
    assert_eq!(archive(sandbox, &planned), archive(sandbox, &direct), "{flags} {source} to an archive");
}

#[track_caller]
fn same_in_registry(sandbox: &Sandbox, flags: &str, source: &str) {
    let target = TestRegistry::start().unwrap();
    let line = format!("transfer cv {flags} {source} {}/t/u", target.url()).replace("  ", " ");
    let document = sandbox.ok(&format!("{line} --dry-run"));
    // Which of two images gets a name is said where the document is carried out.
    let collision = if flags.contains("--on-collision overwrite") { " --on-collision overwrite" } else { "" };
    if !collision.is_empty() {
        sandbox.file("spec.yaml", &document).fails("transfer cv --transfer-spec spec.yaml", 4);
    }
    sandbox.file("spec.yaml", &document).ok(&format!("transfer cv --transfer-spec spec.yaml{collision}"));
    let version = format!("{}/t/u//{}", target.url(), source.rsplit("//").next().unwrap());
    let text = || sandbox.ok(&format!("get cv {version} -o yaml"));
    let (planned, described) = (registry(&target), text());
    // Where nothing was left out, everything is there.
    let checked = sandbox.run(&format!("check cv {version} -o json"));
    assert!([0, 7].contains(&checked.status), "{flags} {source}: {}", checked.stderr);
    let missing = serde_json::from_str::<Value>(&checked.stdout).unwrap();
    assert_eq!(missing["missing"].as_array().map_or(0, Vec::len), 0, "{flags} {source}: {missing:#}");
    clear(&target);
    sandbox.ok(&line);
    assert_eq!(differing(&described, &text()), "", "{flags} {source} to a registry");
    assert_eq!(planned, registry(&target), "{flags} {source} to a registry");
}

#[test]
fn documents_come_to_what_transfers_come_to() {
    let world = World::new();
    let sandbox = &world.sandbox;
    for (number, flags) in [
        "",
        "-r",
        "--copy-resources",
        "-r --copy-resources --copy-sources",
        "--copy-sources",
        "--copy-local-resources",
        "--copy-resources --omit-access-types ociArtifact,helm",
        "--copy-resources -u ociArtifact",
    ]
    .into_iter()
    .enumerate()
    {
        same_in_archive(sandbox, number, flags, "ctf//acme.org/all:1.0.0");
    }
    for flags in [
        "-r",
        "-r --copy-resources --copy-sources",
        "--copy-resources -u ociArtifact",
        "--copy-resources -u ociArtifact --access-style absolute",
        "--copy-resources -u ociArtifact --upload-name host-prefixed",
        "--copy-resources -u ociArtifact --upload-name {{.Component}}/{{.Resource}}:{{.ResourceVersion}} --on-collision overwrite",
        "--copy-resources --global-access auto",
        "--copy-local-resources --copy-sources --global-access auto",
    ] {
        same_in_registry(sandbox, flags, "ctf//acme.org/all:1.0.0");
    }
    drop(world.web);
}

#[test]
fn out_of_a_registry_with_relative_accesses_too() {
    let world = World::new();
    let (sandbox, place) = (&world.sandbox, world.in_registry());
    let source = format!("{place}//acme.org/all:1.0.0");
    assert!(sandbox.ok(&format!("get cv {source} -o yaml")).contains("relativeOciReference"));
    for (number, flags) in ["", "-r --copy-resources --copy-sources"].into_iter().enumerate() {
        same_in_archive(sandbox, number, flags, &source);
    }
    for flags in
        ["", "--copy-resources", "-r --copy-resources -u ociArtifact", "-u ociArtifact --access-style absolute"]
    {
        same_in_registry(sandbox, flags, &source);
    }
}

#[test]
fn an_image_is_looked_for_where_its_component_version_is() {
    let moved = Moved::new();
    let (sandbox, version) = (&moved.sandbox, moved.version());
    for (number, flags) in ["--copy-resources", "--copy-resources --repository-contexts drop"].into_iter().enumerate() {
        same_in_archive(sandbox, number, flags, &version);
    }
    for flags in [
        "--copy-resources",
        "--copy-resources -u ociArtifact",
        "--copy-resources -u ociArtifact --access-style absolute",
    ] {
        same_in_registry(sandbox, flags, &version);
    }
    moved.former_is_left_alone();
    // How images are looked for is said where the document is carried out.
    let document = sandbox.ok(&format!("transfer cv --copy-resources {version} ./out --dry-run"));
    let ran = sandbox.run(&format!("transfer cv --copy-resources --no-rebase {version} ./out --dry-run"));
    assert_eq!((ran.status, &ran.stdout), (3, &document), "{}", ran.stderr);
    sandbox.file("spec.yaml", &document);
    let message = sandbox.fails("transfer cv --transfer-spec spec.yaml --no-rebase", 3);
    assert!(message.contains("spec.yaml:") && message.contains("--no-rebase"), "{message}");
    assert!(!moved.former.requests().is_empty());
    sandbox.ok("transfer cv --transfer-spec spec.yaml");
    let place = format!("{}/{PATH}", moved.here.url());
    assert!(
        document.contains(&moved.here.url()) && document.contains("subPath: local/components"),
        "{place} {document}"
    );
}

/// The older program writes no members for that. Where another node says where the component version is, that is enough.
#[test]
fn an_image_of_a_node_without_a_home_is_looked_for_where_another_node_reads_its_component_version() {
    let moved = Moved::new();
    let (sandbox, version) = (&moved.sandbox, moved.version());
    let written = sandbox.ok(&format!("transfer cv --copy-resources {version} ./out --dry-run -o json"));
    let mut document: serde_json::Value = serde_json::from_str(&written).unwrap();
    let nodes = document["transformations"].as_array_mut().unwrap();
    let node = nodes.iter_mut().find(|node| node["type"] == "GetOCIArtifact/v1alpha1").unwrap();
    let mut home = serde_json::Map::new();
    for member in ["repository", "component", "version"] {
        home.insert(member.to_owned(), node["spec"].as_object_mut().unwrap().shift_remove(member).unwrap());
    }
    moved.here.forget();
    sandbox.file("spec.json", &document.to_string());
    assert_eq!(sandbox.run("transfer cv --transfer-spec spec.json").status, 3);
    let reads = serde_json::json!({"id": "reads", "type": "OCIGetComponentVersion/v1alpha1", "spec": home});
    document["transformations"].as_array_mut().unwrap().push(reads);
    sandbox.file("spec.json", &document.to_string());
    let asked = moved.former.requests().len();
    sandbox.ok("transfer cv --transfer-spec spec.json");
    assert_eq!(moved.former.requests().len(), asked);
    assert!(sandbox.ok("get cv out -o json").contains(&moved.digest));
}

/// Nodes as a person writes them, one of each type that the older program has.
#[test]
fn a_document_written_by_hand_may_use_every_type_of_node() {
    let world = World::new();
    let (sandbox, place, target) = (&world.sandbox, world.in_registry(), TestRegistry::start().unwrap());
    let (origin, registry) = (world.images.url(), target.url());
    let all = |reference: &str| {
        let printed = sandbox.ok(&format!("get cv {reference} -o json"));
        serde_json::from_str::<Value>(&printed).unwrap()[0].take()
    };
    let described = all("ctf//acme.org/all:1.0.0");
    let resource = |name: &str| {
        let resources = described["component"]["resources"].as_array().unwrap();
        resources.iter().find(|resource| resource["name"] == name).unwrap().clone()
    };
    let get = |id: &str, kind: &str, name: &str| {
        format!("- {{id: {id}, type: {kind}/v1alpha1, spec: {{resource: {}}}}}\n", resource(name))
    };
    let add = |id: &str, from: &str, output: &str| {
        format!(
            "- id: {id}
  type: OCIAddLocalResource/v1alpha1
  spec: {{repository: *target, component: acme.org/mine, version: 2.0.0, globalAccessPolicy: \"\",
    resource: {{name: '${{{from}.output.resource.name}}', version: 'v${{{from}.output.resource.version}}', type: '${{{from}.output.resource.type}}',
      relation: external, labels: '${{has({from}.output.resource.labels) ? {from}.output.resource.labels : []}}',
      access: {{type: LocalBlob/v1, referenceName: 'mine/${{{from}.output.resource.name}}'}},
      digest: '${{{from}.output.resource.?digest}}'}}, file: '${{{from}.output.{output}}}'}}\n"
        )
    };
    let document = [
        format!(
            "environment:
  target: &target {{type: OCIRepository/v1, baseUrl: '{registry}', subPath: t}}
  meta: {{schemaVersion: v2}}
transformations:
- {{id: ctfVersion, type: CTFGetComponentVersion/v1alpha1, spec: {{repository: {{type: ctf, filePath: ./ctf}}, component: acme.org/leaf, version: 0.1.0}}}}
- {{id: ociVersion, type: OCIGetComponentVersion/v1alpha1,
   spec: {{repository: {{type: OCIRegistry, baseUrl: '{origin}', subPath: origin/of/all}}, component: acme.org/leaf, version: 0.1.0}}}}
- {{id: ctfLocal, type: CTFGetLocalResource/v1alpha1,
   spec: {{repository: {{type: ctf, filePath: ./ctf}}, component: acme.org/all, version: 1.0.0, resourceIdentity: {{name: text}}}}}}
- {{id: ociLocal, type: OCIGetLocalResource/v1alpha1,
   spec: {{repository: {{type: OCIRegistry, baseUrl: '{origin}', subPath: origin/of/all}}, component: acme.org/all, version: 1.0.0,
     resourceIdentity: {{name: file, version: 1.0.0}}}}}}\n"
        ),
        get("ociArtifact", "GetOCIArtifact", "image"),
        get("helmChart", "GetHelmChart", "helm-http"),
        get("wget", "DownloadWgetResource", "file"),
        get("gitHub", "GetGitHubCommit", "commit"),
        "- {id: convert, type: ConvertHelmToOCI/v1alpha1, spec: {resource: '${helmChart.output.resource}', chartFile: '${helmChart.output.chartFile}',\n   provFile: '${helmChart.output.?provFile}'}}\n".into(),
        add("addText", "ctfLocal", "file"),
        add("addImage", "ociArtifact", "file"),
        add("addChart", "convert", "file"),
        add("addCommit", "gitHub", "file"),
        format!(
            "- id: addArtifact
  type: AddOCIArtifact/v1alpha1
  spec:
    resource: {{name: beside, version: v1, type: ociImage, relation: external, access: {{type: ociArtifact/v1, imageReference: '{registry}/t/${{\"team/\" + ociArtifact.output.resource.name}}:v1'}}}}
    file: ${{ociArtifact.output.file}}
- id: transfer
  type: TransferOCIArtifact/v1alpha1
  spec:
    resource: {}
    targetResource: {{name: moved, version: v1, type: ociImage, relation: external, access: {{type: ociArtifact/v1, imageReference: '{registry}/t/moved:v1'}}}}
- id: ctfAdd
  type: CTFAddLocalResource/v1alpha1
  spec: {{repository: {{type: ctf, filePath: ./byhand, accessMode: readwrite|create}}, component: acme.org/all, version: 1.0.0,
    resource: '${{ociLocal.output.resource}}', file: '${{wget.output.file}}'}}
- id: ctfUpload
  type: CTFAddComponentVersion/v1alpha1
  spec:
    repository: {{type: ctf, filePath: ./byhand, accessMode: readwrite|create}}
    descriptor:
      meta: ${{environment.meta}}
      component: {{name: acme.org/mine, version: 2.0.0, provider: '${{ctfVersion.output.descriptor.component.provider}}', repositoryContexts: [],
        resources: [], sources: [], componentReferences: [{{name: leaf, componentName: '${{ociVersion.output.descriptor.component.name}}', version: '${{ociVersion.output.descriptor.component.version}}'}}]}}
- id: leafUpload
  type: CTFAddComponentVersion/v1alpha1
  spec: {{repository: {{type: ctf, filePath: ./byhand, accessMode: readwrite|create}}, descriptor: {{meta: '${{environment.meta}}',
    component: {{name: acme.org/all, version: 1.0.0, provider: p, resources: ['${{ctfAdd.output.resource}}']}}}}}}
- id: upload
  type: OCIAddComponentVersion/v1alpha1
  spec:
    repository: *target
    descriptor:
      meta: ${{environment.meta}}
      component:
        name: acme.org/mine
        version: 2.0.0
        provider: ${{ctfVersion.output.descriptor.component.?provider.orValue('nobody')}}
        labels: [{{name: kinds, value: '${{[addText, addImage].map(node, node.output.resource.type)}}'}}]
        resources: ['${{addText.output.resource}}', '${{addImage.output.resource}}', '${{addChart.output.resource}}', '${{addCommit.output.resource}}',
          '${{addArtifact.output.resource}}', '${{transfer.output.resource}}']
- {{id: cleanup, type: FileCleanup/v1alpha1, spec: {{files: ['${{addText.spec.file}}', null, '${{wget.output.file}}']}}}}\n",
            resource("image")
        ),
    ];
    sandbox.file("hand.yaml", &document.concat());
    sandbox.ok("transfer cv --transfer-spec hand.yaml");
    let made = all(&format!("{registry}/t//acme.org/mine:2.0.0"));
    let component = &made["component"];
    assert_eq!(component["provider"], "acme.org");
    assert_eq!(component["labels"][0]["value"], serde_json::json!(["plainText", "ociImage"]));
    let names: Vec<_> = component["resources"].as_array().unwrap().iter().map(|found| &found["name"]).collect();
    assert_eq!(names, ["text", "image", "helm-http", "commit", "beside", "moved"]);
    let access = |position: usize| &component["resources"][position]["access"];
    assert_eq!((&access(0)["referenceName"], &access(0)["mediaType"]), (&"mine/text".into(), &"text/plain".into()));
    assert_eq!(component["resources"][0]["version"], "v1.0.0");
    assert_eq!(component["resources"][1]["labels"], resource("image")["labels"]);
    for position in [1, 2] {
        assert_eq!(access(position)["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    }
    assert_eq!(component["resources"][3]["digest"], resource("commit")["digest"]);
    let digest = format!("sha256:{}", resource("image")["digest"]["value"].as_str().unwrap());
    assert_eq!(access(1)["localReference"], digest.as_str());
    assert_eq!(access(4)["imageReference"].as_str().unwrap(), format!("{registry}/t/team/image:v1@{digest}"));
    assert!(access(5)["imageReference"].as_str().unwrap().starts_with(&format!("{registry}/t/moved:v1")));
    sandbox.ok(&format!("check cv {registry}/t//acme.org/mine:2.0.0"));
    sandbox.ok("check cv byhand//acme.org/all:1.0.0 --resources local");
    assert_eq!(
        all("byhand//acme.org/mine:2.0.0")["component"]["componentReferences"][0]["componentName"],
        "acme.org/leaf"
    );
    assert!(place.starts_with(&origin));
}
