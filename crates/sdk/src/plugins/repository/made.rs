//! Manifests of component versions that a plugin has: the descriptor as it gives it, without local content, which is fetched
//! when somebody asks for it.

use bytes::Bytes;
use futures_util::StreamExt as _;
use ocm_blob::{Algorithm, Blob as _, Digest, Measure, MemoryBlob};
use ocm_model::{Access, Descriptor, TypedObject};
use ocm_oci::{Error, ImageManifest, Manifest};
use ocm_plugin::{Element, VersionName};
use ocm_repository::component::{annotation, media_type};

use super::content::{Content, Local};
use crate::plugins::Result;

/// Makes up the manifest of a version from what the plugin gave as its descriptor.
pub(super) async fn manifest(content: &Content, name: VersionName<'_>, given: Bytes) -> Result<Manifest> {
    let plugin = content.shared.plugin.program().path.display();
    let subject = format!("{}:{}", name.component, name.version);
    let refuse = |reason: String| Error::invalid(&subject, format!("the descriptor from plugin {plugin}: {reason}"));
    let given = with_schema_version(given);
    let mut descriptor = Descriptor::read(&given).map_err(|error| refuse(error.to_string()))?;
    let component = &descriptor.component;
    // Its tag would lead to another version from then on.
    if (component.name.as_str(), component.version.as_str()) != (name.component, name.version) {
        return Err(refuse(format!("is the one of {}:{}", component.name, component.version)));
    }
    let mut is_changed = false;
    let component = &mut descriptor.component;
    let resources = component.resources.iter_mut().map(|resource| {
        let identity = resource.identity();
        (Element::Resource, identity, &mut resource.access)
    });
    let sources = component.sources.iter_mut().map(|source| {
        let identity = source.identity();
        (Element::Source, identity, &mut source.access)
    });
    for (of, identity, access) in resources.chain(sources) {
        let Some(reference) = local_reference(access) else { continue };
        let local = Local { version: name.version.to_owned(), of, identity };
        match Digest::from_file_name(&reference) {
            Ok(digest) => content.learn(digest, local),
            // Everywhere else content is found by its digest, so this has to be known now.
            Err(_) => {
                let digest = measured(content, &local).await?;
                access.members.insert("localReference".to_owned(), digest.to_string().into());
                content.learn(digest, local);
                is_changed = true;
            }
        }
    }
    let bytes = if is_changed { Bytes::from(descriptor.write_json()) } else { given };
    write(content, name, bytes).await
}

/// The SDK for Go writes every descriptor in the form of v2, and leaves the version of the form empty when the plugin did.
fn with_schema_version(given: Bytes) -> Bytes {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(&given) else { return given };
    match value.pointer_mut("/meta/schemaVersion") {
        Some(version) if version.as_str() == Some("") => {
            *version = "v2".into();
            value.to_string().into()
        }
        _ => given,
    }
}

/// What the access of an artifact refers to, when its content lies with the component version.
pub(super) fn local_reference(access: &TypedObject) -> Option<String> {
    match Access::of(access) {
        Access::LocalBlob { local_reference, .. } => Some(local_reference),
        Access::LocalOciBlob { digest } => Some(digest),
        _ => None,
    }
}

async fn measured(content: &Content, local: &Local) -> Result<Digest> {
    let blob = content.handed(local).await?;
    let fail = || Error::blob(local.identity.to_string());
    let (mut stream, measure) = Measure::watch(Algorithm::Sha256, blob.open().await.map_err(fail())?);
    while let Some(chunk) = stream.next().await {
        chunk.map_err(fail())?;
    }
    measure
        .result()
        .map(|measured| measured.digest)
        .ok_or_else(|| Error::invalid(&local.identity, "was not read to its end"))
}

async fn write(content: &Content, name: VersionName<'_>, descriptor: Bytes) -> Result<Manifest> {
    let form = match serde_json::from_slice::<serde::de::IgnoredAny>(&descriptor) {
        Ok(_) => media_type::DESCRIPTOR_JSON,
        Err(_) => media_type::DESCRIPTOR_YAML,
    };
    let push = async |bytes: Bytes, media_type: &str| {
        let (blob, _) = content.staged.push_blob(&MemoryBlob::new(bytes)).await?;
        Ok::<_, Error>(ocm_oci::Descriptor { media_type: media_type.to_owned(), ..blob })
    };
    let layer = push(descriptor, form).await?;
    let config = serde_json::json!({"componentDescriptorLayer": layer}).to_string();
    let version = format!("{}:{}", name.component, name.version);
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: Some(ocm_oci::media_type::MANIFEST.to_owned()),
        artifact_type: Some(media_type::COMPONENT.to_owned()),
        config: push(config.into(), media_type::CONFIG).await?,
        layers: vec![layer],
        subject: None,
        annotations: Some([(annotation::COMPONENT_VERSION.to_owned(), version)].into()),
        other: serde_json::Map::new(),
    };
    let manifest = Manifest::write(&manifest, ocm_oci::media_type::MANIFEST)?;
    content.staged.push_manifest(&manifest, None).await?;
    Ok(manifest)
}
