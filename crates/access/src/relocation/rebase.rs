use std::fmt;

use ocm_model::TypedObject;
use ocm_oci::{Endpoint, ImageReference};
use ocm_repository::ComponentVersion;

use super::Opened;

/// Whether images are looked for under the address through which their component version was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rebasing {
    /// Before their recorded address, if that is one the component version was stored through.
    #[default]
    On,
    /// Never.
    Off,
}

/// An image below an address that its component version was stored through, seen from where that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebased {
    /// The recorded address, as far as it differs: host, or host and path.
    pub from: String,
    /// The opened address, to the same extent.
    pub to: String,
    /// The image under the opened address; tag and digest are those of the recorded reference.
    pub reference: ImageReference,
}

impl fmt::Display for Rebased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rebased {} → {}", self.from, self.to)
    }
}

/// Where an image may be if it moved along with its component version, the likelier place first: below the opened address as it
/// was below the recorded one; and under its own path, which it keeps where the registry has got another name and the component
/// version, but not the image, another path in it.
///
/// Empty unless it lies below one of the recorded `contexts` and the component version was opened through another address.
pub fn rebase(reference: &ImageReference, contexts: &[TypedObject], opened: &Opened) -> Vec<Rebased> {
    let Ok(endpoint) = reference.endpoint() else { return Vec::new() };
    let repository = reference.repository();
    let recorded = contexts.iter().filter_map(Opened::recorded);
    let below = recorded.filter_map(|context| {
        let rest = context.below(&endpoint, &repository)?.to_owned();
        Some((context, rest))
    });
    // The most specific one tells best what belongs to the repository and what to the image.
    let Some((context, rest)) = below.max_by_key(|(context, _)| context.path().len()) else { return Vec::new() };
    let mut places: Vec<Rebased> = Vec::new();
    for (context, opened, rest) in [(&context, opened, &rest), (&context.root(), &opened.root(), &repository)] {
        let Ok(moved) = opened.image(rest, reference) else { continue };
        let is_recorded = moved.endpoint().ok().as_ref() == Some(&endpoint) && moved.repository() == repository;
        if !is_recorded && places.iter().all(|place| place.reference != moved) {
            let (from, to) = difference(&endpoint, context, opened);
            places.push(Rebased { from, to, reference: moved });
        }
    }
    places
}

/// The name of an image without its host and, if it lies below an address of its component version, without the path of that:
/// names must not grow with every copy.
pub fn own_name(reference: &ImageReference, version: &ComponentVersion) -> String {
    let name = reference.reference_name();
    let (Ok(endpoint), repository) = (reference.endpoint(), reference.repository()) else { return name };
    let contexts = version.descriptor.component.repository_contexts.iter().filter_map(Opened::recorded);
    let bases = contexts.chain(Opened::of(version)).filter(|base| base.below(&endpoint, &repository).is_some());
    let path = bases.map(|base| base.path().to_owned()).max_by_key(String::len).unwrap_or_default();
    match name.strip_prefix(&path).and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) if !path.is_empty() => rest.to_owned(),
        _ => name,
    }
}

/// The two addresses as far as they differ.
fn difference(endpoint: &Endpoint, context: &Opened, opened: &Opened) -> (String, String) {
    let host = |endpoint: &Endpoint, path: &str| match path {
        "" => endpoint.host().to_owned(),
        path => format!("{}/{path}", endpoint.host()),
    };
    if context.path() != opened.path() {
        return (host(endpoint, context.path()), host(opened.endpoint(), opened.path()));
    }
    if endpoint.host() == opened.endpoint().host() {
        // They differ in the scheme alone.
        return (endpoint.to_string(), opened.endpoint().to_string());
    }
    (host(endpoint, ""), host(opened.endpoint(), ""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ocm_oci::Location;
    use serde_json::json;

    use super::*;

    fn opened(registry: &str, path: &str) -> Opened {
        let path = if path.is_empty() { String::new() } else { format!("{path}/") };
        let location =
            Location { registry: registry.to_owned(), repository: format!("{path}component-descriptors/acme.org/x") };
        Opened::at(&location, "acme.org/x").unwrap()
    }

    fn context(base_url: &str, sub_path: &str) -> TypedObject {
        serde_json::from_value(json!({
            "type": "OCIRegistry", "componentNameMapping": "urlPath", "baseUrl": base_url, "subPath": sub_path,
        }))
        .unwrap()
    }

    fn told(image: &str, contexts: &[TypedObject], opened: &Opened) -> Option<(String, String)> {
        let rebased = rebase(&image.parse().unwrap(), contexts, opened).into_iter().next()?;
        Some((rebased.to_string(), rebased.reference.to_string()))
    }

    fn pair(note: &str, reference: &str) -> (String, String) {
        (note.to_owned(), reference.to_owned())
    }

    #[test]
    fn an_image_of_the_repository_follows_it_to_another_host() {
        let contexts = [context("http://localhost:9999", "local/components")];
        let opened = opened("http://cluster-registry.svc", "local/components");
        assert_eq!(
            told("http://localhost:9999/local/components/library/busybox:1.36.1", &contexts, &opened),
            Some(pair(
                "rebased localhost:9999 → cluster-registry.svc",
                "http://cluster-registry.svc/local/components/library/busybox:1.36.1"
            ))
        );
    }

    #[test]
    fn and_to_another_path() {
        let contexts = [context("localhost:9999/local", "components")];
        let opened = opened("https://mirror.example", "copy/of/local/components");
        assert_eq!(
            told("localhost:9999/local/components/app", &contexts, &opened),
            Some(pair(
                "rebased localhost:9999/local/components → mirror.example/copy/of/local/components",
                "https://mirror.example/copy/of/local/components/app"
            ))
        );
    }

    #[test]
    fn or_stays_where_it_is_while_the_registry_gets_another_name() {
        // Transferred by reference within a registry, from one path to another, both times through a port-forward.
        let contexts = [context("http://localhost:9999", "local/components"), context("http://localhost:9999", "prod")];
        let opened = opened("http://cluster-registry.svc", "prod");
        let image = "http://localhost:9999/local/components/library/busybox:1.36.1".parse().unwrap();
        let places = rebase(&image, &contexts, &opened);
        let places: Vec<_> = places.iter().map(|place| (place.to_string(), place.reference.to_string())).collect();
        assert_eq!(
            places,
            [
                pair(
                    "rebased localhost:9999/local/components → cluster-registry.svc/prod",
                    "http://cluster-registry.svc/prod/library/busybox:1.36.1"
                ),
                pair(
                    "rebased localhost:9999 → cluster-registry.svc",
                    "http://cluster-registry.svc/local/components/library/busybox:1.36.1"
                ),
            ]
        );
    }

    #[test]
    fn only_the_scheme_may_differ() {
        let opened = opened("http://127.0.0.1:5000", "");
        assert_eq!(
            told("127.0.0.1:5000/app:1", &[context("127.0.0.1:5000", "")], &opened),
            Some(pair("rebased https://127.0.0.1:5000 → http://127.0.0.1:5000", "http://127.0.0.1:5000/app:1"))
        );
    }

    #[test]
    fn images_of_others_stay_where_they_are() {
        let contexts = [
            context("http://localhost:9999", "local/components"),
            TypedObject::new("CommonTransportFormat/v1").with("filePath", "localhost:9999"),
            TypedObject::new("foo/v7"),
        ];
        let opened = opened("http://cluster-registry.svc", "local/components");
        for image in [
            "http://localhost:9999/other/busybox:1",
            "http://localhost:9999/local/components-of-mine/busybox:1",
            "http://localhost:9998/local/components/busybox:1",
            "ghcr.io/local/components/busybox:1",
            "busybox:1",
        ] {
            assert_eq!(told(image, &contexts, &opened), None, "{image}");
        }
        assert_eq!(told("http://localhost:9999/local/components/x:1", &[], &opened), None);
    }

    #[test]
    fn nothing_is_to_do_at_the_recorded_address() {
        let contexts = [context("ghcr.io", "acme")];
        assert_eq!(told("ghcr.io/acme/app:1", &contexts, &opened("https://ghcr.io", "acme")), None);
        assert!(told("GHCR.io:443/acme/app:1", &contexts, &opened("https://quay.io", "acme")).is_some());
    }

    #[test]
    fn the_most_specific_context_counts() {
        let contexts = [context("a.example", ""), context("a.example", "team/one"), context("a.example", "team")];
        assert_eq!(
            told("a.example/team/one/app", &contexts, &opened("https://b.example", "two")).unwrap().1,
            "https://b.example/two/app"
        );
    }
}
