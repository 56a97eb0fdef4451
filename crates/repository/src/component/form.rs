//! Names and fixed texts of the form in which component versions are stored.

use std::collections::BTreeMap;

use ocm_model::reference::COMPONENT_DESCRIPTORS;

/// Media types of the parts of a component version.
pub mod media_type {
    /// The descriptor as JSON; what is written.
    pub const DESCRIPTOR_JSON: &str = "application/vnd.ocm.software.component-descriptor.v2+json";
    /// The descriptor as YAML.
    pub const DESCRIPTOR_YAML: &str = "application/vnd.ocm.software.component-descriptor.v2+yaml";
    /// The configuration, which names the layer with the descriptor.
    pub const CONFIG: &str = "application/vnd.ocm.software.component.config.v1+json";
    /// Type of the manifest as an artifact.
    pub const COMPONENT: &str = "application/vnd.ocm.software.component-descriptor.v2";

    /// The forms of a descriptor.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Packing {
        /// JSON or YAML as it is.
        Plain,
        /// A tar with one file `component-descriptor.yaml`.
        Tar,
    }

    /// How a descriptor of this media type is packed; `None` if it is none.
    pub(crate) fn packing(media_type: &str) -> Option<Packing> {
        let form = media_type
            .strip_prefix("application/vnd.ocm.software.component-descriptor.v2")
            .or_else(|| media_type.strip_prefix("application/vnd.gardener.cloud.cnudie.component-descriptor.v2"))
            .or_else(|| {
                media_type.strip_prefix("application/vnd.oci.gardener.cloud.cnudie.component-descriptor.config.v2")
            })?;
        match form {
            "+json" | "+yaml" => Some(Packing::Plain),
            "+yaml+tar" => Some(Packing::Tar),
            _ => None,
        }
    }

    /// Whether a configuration of this media type belongs to a component version; two are of the predecessor.
    pub(crate) fn is_config(media_type: &str) -> bool {
        [
            CONFIG,
            "application/vnd.gardener.cloud.cnudie.component.config.v1+json",
            "application/vnd.oci.gardener.cloud.cnudie.component-descriptor-metadata.config.v2+json",
        ]
        .contains(&media_type)
    }
}

/// Keys of annotations.
pub mod annotation {
    /// `<component>:<version>` of a manifest.
    pub const COMPONENT_VERSION: &str = "software.ocm.componentversion";
    /// Which artifacts of the component version a layer or manifest holds: a JSON array.
    pub const ARTIFACT: &str = "software.ocm.artifact";
    /// `true` on the manifest with the descriptor; in the specification only, no program writes it.
    pub const DESCRIPTOR: &str = "software.ocm.descriptor";
    /// Which program wrote a manifest.
    pub const CREATOR: &str = "software.ocm.creator";
}

/// The creator that the Go program writes. Kept, so that a component version has the same digest whichever program wrote it.
const CREATOR: &str = "Builtin OCI Repository Plugin";

/// Annotations of the manifest (or, with `index`, of the index) of a component version: byte for byte those of the Go
/// program, its spelling included.
pub(crate) fn annotations(component: &str, version: &str, index: bool) -> BTreeMap<String, String> {
    let (kind, contains, stores) = if index {
        (
            "Manifest Index",
            "component descriptor manifest",
            "component descriptor manifest and other related blob manifests",
        )
    } else {
        ("Manifest", "component descriptor", "component descriptor")
    };
    let description = format!(
        "This is an OCM OCI Artifact {kind} that contains the {contains} for the component {component}.\n\
         It is used to store the {stores} in an OCI registry and can be referrenced by the official OCM Binding Library."
    );
    [
        ("org.opencontainers.image.authors", CREATOR.to_owned()),
        ("org.opencontainers.image.description", description),
        ("org.opencontainers.image.documentation", "https://ocm.software".to_owned()),
        ("org.opencontainers.image.source", "https://github.com/open-component-model/open-component-model".to_owned()),
        (
            "org.opencontainers.image.title",
            format!("OCM Component Descriptor OCI Artifact {kind} for {component} in version {version}"),
        ),
        ("org.opencontainers.image.url", "https://ocm.software".to_owned()),
        ("org.opencontainers.image.version", version.to_owned()),
        (annotation::COMPONENT_VERSION, format!("{component}:{version}")),
        (annotation::CREATOR, CREATOR.to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

/// The version that an annotation [`annotation::COMPONENT_VERSION`] tells for a component; `None` if it is about another.
///
/// Some have the prefix of the repository in front of the name.
pub(crate) fn annotated_version<'a>(text: &'a str, component: &str) -> Option<&'a str> {
    let (name, version) = text.split_once(':')?;
    let bare = name.strip_prefix(COMPONENT_DESCRIPTORS).and_then(|rest| rest.strip_prefix('/'));
    let name = bare.unwrap_or(name);
    (name == component && !version.contains(':')).then_some(version)
}
