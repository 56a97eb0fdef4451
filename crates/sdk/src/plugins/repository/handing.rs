//! Component versions on their way to a plugin: local content first, then the descriptor.

use std::path::Path;
use std::sync::Arc;

use ocm_blob::{Blob, Existing, write_file};
use ocm_model::{Descriptor, TypedObject};
use ocm_oci::layout::LAYOUT_TAR;
use ocm_oci::{Error, Kind, LayoutContent};
use ocm_plugin::{Element, Location, VersionName};
use ocm_repository::component::media_type;
use ocm_repository::{ComponentRepository, ComponentVersion, LocalContent};
use serde_json::Value;

use super::Shared;
use super::content::{Content, Local, Pending};
use super::made::local_reference;
use crate::plugins::{Result, failed};

/// Hands a version that was published over to the plugin.
pub(super) async fn hand_over(content: &Content, pending: &Pending) -> Result<()> {
    let version = staged(content, pending).await?;
    let name = VersionName { component: version.name(), version: version.version() };
    let mut descriptor = version.descriptor.clone();
    let mut is_changed = false;
    let resources = descriptor.component.resources.len();
    for position in 0..resources + descriptor.component.sources.len() {
        let (of, position) = match position.checked_sub(resources) {
            None => (Element::Resource, position),
            Some(position) => (Element::Source, position),
        };
        let Some((local, access)) = artifact(&descriptor, of, position, name.version) else { continue };
        let Some(replaced) = upload(content, &version, name, &local, &access, of, position).await? else { continue };
        if replaced != access {
            is_changed = true;
            let component = &mut descriptor.component;
            match of {
                Element::Resource => component.resources[position].access = replaced,
                Element::Source => component.sources[position].access = replaced,
            }
        }
    }
    let is_json = version.raw.media_type == media_type::DESCRIPTOR_JSON;
    let written = (is_changed || !is_json).then(|| descriptor.write_json());
    let bytes = written.as_deref().unwrap_or(&version.raw.bytes);
    let Shared { plugin, place, .. } = &*content.shared;
    plugin.add_component_version(place, bytes).await.map_err(failed)?;
    content.forget(&pending.tag);
    Ok(())
}

/// Reads a published version out of the temporary archive.
async fn staged(content: &Content, pending: &Pending) -> Result<ComponentVersion> {
    let archive = ComponentRepository::new(Arc::new(content.shared.staging.clone()), "");
    let text = pending
        .root
        .document()?
        .annotations()
        .and_then(|annotations| annotations.get(ocm_repository::component::annotation::COMPONENT_VERSION).cloned());
    let version = text.as_deref().and_then(|text| text.rsplit_once(':')).map(|(_, version)| version.to_owned());
    let version = version.unwrap_or_else(|| ocm_model::version::from_tag(&pending.tag));
    archive.get(&content.component, &version).await
}

/// An artifact with local content, and its access.
fn artifact(descriptor: &Descriptor, of: Element, position: usize, version: &str) -> Option<(Local, TypedObject)> {
    let component = &descriptor.component;
    let (identity, access) = match of {
        Element::Resource => component.resources.get(position).map(|one| (one.identity(), &one.access))?,
        Element::Source => component.sources.get(position).map(|one| (one.identity(), &one.access))?,
    };
    local_reference(access)?;
    Some((Local { version: version.to_owned(), of, identity }, access.clone()))
}

/// Hands the content of an artifact over; gives the access under which it is found, `None` if it is there already.
async fn upload(
    content: &Content,
    version: &ComponentVersion,
    name: VersionName<'_>,
    local: &Local,
    access: &TypedObject,
    of: Element,
    position: usize,
) -> Result<Option<TypedObject>> {
    let found = version.local(access).await?;
    if let LocalContent::Blob(blob) = &found
        && content.has(&blob.digest, local)
    {
        return Ok(None);
    }
    let (blob, media_type): (Arc<dyn Blob>, _) = match &found {
        // A plugin takes content in one piece.
        LocalContent::Manifest(root) => {
            let mut layout = LayoutContent::new();
            let tag = access.text("referenceName");
            let row = version.row(&root.digest).unwrap_or(root);
            layout.add_graph(&content.staged, row, tag).await?;
            (Arc::new(layout.tar()?), Some(LAYOUT_TAR.to_owned()))
        }
        _ => (version.blob(&found), access.text("mediaType").map(str::to_owned)),
    };
    let file = content.shared.folder.path().join("content");
    let measured = write(&*blob, &file).await?;
    let mut access = access.clone();
    if matches!(found, LocalContent::Manifest(_)) {
        access.members.insert("localReference".to_owned(), measured.to_string().into());
        access.members.insert("mediaType".to_owned(), LAYOUT_TAR.into());
    }
    let mut element = element(&version.descriptor, of, position)?;
    element["access"] =
        serde_json::to_value(&access).map_err(|error| Error::new(Kind::Malformed, &local.identity, error))?;
    let location = Location { path: file.clone(), media_type };
    let Shared { plugin, place, .. } = &*content.shared;
    let answered = plugin.add_local(of, place, name, &element, &location).await;
    let _ = tokio::fs::remove_file(&file).await;
    let replaced = answered.map_err(failed)?.unwrap_or(access);
    content.learn(measured, local.clone());
    Ok(Some(replaced))
}

/// The artifact as JSON.
fn element(descriptor: &Descriptor, of: Element, position: usize) -> Result<Value> {
    let component = &descriptor.component;
    let element = match of {
        Element::Resource => serde_json::to_value(component.resources.get(position)),
        Element::Source => serde_json::to_value(component.sources.get(position)),
    };
    element.map_err(|error| Error::new(Kind::Malformed, &component.name, error))
}

async fn write(blob: &dyn Blob, file: &Path) -> Result<ocm_blob::Digest> {
    let fail = || Error::blob(file.display());
    let stream = ocm_blob::verified(blob.open().await.map_err(fail())?, blob.size(), blob.digest());
    let (digest, _) = write_file(stream, file, Existing::Replace).await.map_err(fail())?;
    Ok(digest)
}
