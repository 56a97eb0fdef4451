//! Many write into one place at the same time.

use std::thread;

use crate::client::Client;
use crate::layout::Layout;
use crate::pull;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

const WRITERS: u64 = 16;

#[test]
fn nothing_that_was_taken_is_lost() {
    let Some(crane) = Client::find("crane") else { return };
    let sandbox = Sandbox::new();
    sandbox.add("name: acme.org/first\nversion: 1.0.0\nprovider: {name: acme.org}\n");
    let registry = Registry::writable(&sandbox.path("transport-archive"));
    let images: Vec<Layout> =
        (0..WRITERS).map(|number| Layout::image(&sandbox, &format!("image-{number}"), number)).collect();
    thread::scope(|scope| {
        for (number, image) in images.iter().enumerate() {
            let (crane, sandbox, registry) = (&crane, &sandbox, &registry);
            scope.spawn(move || {
                // Each into a repository of its own, and all under one name.
                for name in [format!("own/{number}"), "shared".to_owned()] {
                    crane.run(sandbox, &format!("push {} {}/{name}:{number}", image.folder, registry.address));
                }
            });
            scope.spawn(move || {
                let file = format!("{number}.yaml");
                sandbox.file(
                    &file,
                    format!("name: acme.org/part-{number}\nversion: 1.0.0\nprovider: {{name: acme.org}}\n"),
                );
                sandbox.ocm(&format!("add cv -c {file}"));
            });
        }
    });
    for (number, image) in images.iter().enumerate() {
        for name in [format!("own/{number}"), "shared".to_owned()] {
            pull::everything(&sandbox, &registry, &format!("{}/{name}", registry.address), image);
        }
        let part = format!("//acme.org/part-{number}:1.0.0");
        // The serving process sees what another one added.
        let added = sandbox.descriptor(&format!("http://{}{part}", registry.address));
        assert_eq!(added, sandbox.descriptor(&format!("transport-archive{part}")));
    }
    let tags = crane.run(&sandbox, &format!("ls {}/shared", registry.address));
    assert_eq!(tags.lines().count() as u64, WRITERS);
}

#[test]
fn the_same_transfer_from_many_sides_succeeds() {
    let sandbox = Sandbox::new();
    Layout::image(&sandbox, "layout", 1);
    let versions = (0..8).map(|number| {
        format!(
            "- name: acme.org/same
  version: 1.{number}.0
  provider: {{name: acme.org}}
  resources:
  - name: image
    type: ociImage
    input: {{type: dir, path: layout, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}
"
        )
    });
    sandbox.add(&format!("components:\n{}", versions.collect::<Vec<_>>().concat()));
    for registry in Registry::each() {
        // `docker-registry` loses sight of blobs for a moment that somebody else sends, too.
        let line = format!("transfer ctf transport-archive http://{}", registry.address);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| sandbox.ocm(&line));
            }
        });
        let place = format!("http://{}//acme.org/same", registry.address);
        let there = sandbox.ocm(&format!("get cv {place} -o ndjson"));
        assert_eq!(there, sandbox.ocm("get cv transport-archive//acme.org/same -o ndjson"), "{}", registry.name);
    }
}
