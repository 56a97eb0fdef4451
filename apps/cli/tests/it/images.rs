//! Images in registries, and component versions that refer to them.

use ocm_oci::{Registry as _, Repository};
use ocm_testkit::{TestRegistry, fixtures};
use std::sync::Arc;

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Where the images of the registries here are.
pub(crate) fn repository(registry: &TestRegistry) -> Arc<dyn Repository> {
    registry.store().repository("team/app")
}

/// A registry with content as `team/app:v1`.
pub(crate) fn serving(content: &fixtures::Graph) -> TestRegistry {
    let registry = TestRegistry::start().unwrap();
    wait(content.push(repository(&registry).as_ref(), Some("v1"))).unwrap();
    registry
}

/// A registry with an image, different for every seed, as `team/app:v1`, and the digest of that.
pub(crate) fn registry(seed: u64) -> (TestRegistry, String) {
    let image = fixtures::image_with(seed, 2, 1000);
    (serving(&image), image.root().digest.to_string())
}

/// A registry with an image of two variants of linux/amd64 as `team/app:v1`.
pub(crate) fn two_platforms() -> (TestRegistry, fixtures::Graph) {
    let index = fixtures::index(vec![fixtures::image(2, 1000), fixtures::image_with(1, 2, 1000)]);
    (serving(&index), index)
}

/// The image of a registry as a resource of a constructor, by reference.
pub(crate) fn resource(name: &str, registry: &TestRegistry) -> String {
    named(name, &format!("{}/team/app:v1", registry.url()))
}

/// An image as a resource of a constructor, by reference.
pub(crate) fn named(name: &str, reference: &str) -> String {
    format!(
        "- {{name: {name}, type: ociImage, version: 1.0.0, access: {{type: ociArtifact, imageReference: \"{reference}\"}}}}\n"
    )
}

/// A constructor of version 1.0.0 of a component with these resources.
pub(crate) fn constructor(component: &str, resources: &str) -> String {
    format!("name: {component}\nversion: 1.0.0\nprovider: {{name: acme.org}}\nresources:\n{resources}")
}
