//! Many clients and the program itself write into one served archive at the same time.

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
