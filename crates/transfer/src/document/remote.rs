//! Nodes that find content outside of registries and archives.

use ocm_access::helm::{CHART, CHART_OLD, PROVENANCE};
use ocm_model::TypedObject;
use ocm_model::access::Access;
use ocm_oci::Document;
use ocm_repository::LocalContent;
use serde_json::{Value, json};

use super::element::Element;
use super::field::{ConvertChart, GetArtifact};
use super::graph::Node;
use super::node::{Kind, Remote};
use super::run::{Done, Effect, Run, handed_out};
use crate::content::{Content, Place};
use crate::element::origin;
use crate::naming::chart_name;
use crate::{ElementKind, Error, Result};

/// Under what the artifact of a chart is known beside the file of the chart.
fn artifact_of(uri: &str) -> String {
    format!("{uri}#artifact")
}

impl Run<'_> {
    pub(super) async fn get_remote(&self, node: &Node<'_>, spec: GetArtifact) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, spec.resource)?;
        let is_right = match Access::of(&element.access) {
            Access::Wget { .. } => node.kind == Kind::GetRemote(Remote::Wget),
            Access::GitHub { .. } => node.kind == Kind::GetRemote(Remote::GitHub),
            Access::S3 { .. } | Access::Npm { .. } | Access::Maven { .. } | Access::Git { .. } | Access::Other => {
                node.kind == Kind::GetRemote(Remote::Other)
            }
            _ => false,
        };
        if !is_right {
            let kind = &element.access.kind;
            let reason = format!("{}: access type {kind} is not for {}", element.name(), node.kind.name());
            return Err(Error::Document(reason));
        }
        let content = self.remote(&element).await?;
        Ok(handed_out(node, &element, content))
    }

    async fn remote(&self, element: &Element) -> Result<Content> {
        let at = |source: ocm_oci::Error| Error::from(source.on("source"));
        let kind = &element.access.kind;
        let none = || Error::Document(format!("{}: access type {kind} cannot be followed", element.name()));
        let found = ocm_access::remote(&element.access, self.places).await.map_err(at)?.ok_or_else(none)?;
        let pinned = Box::pin(ocm_access::pin(found, element.digest.as_ref(), self.places.scratch())).await;
        let found = pinned.map_err(at)?;
        Ok(Content::opened(found, origin(&element.access, &Access::of(&element.access))))
    }

    /// A chart as a file: the layer of the artifact that is made of it.
    pub(super) async fn get_chart(&self, node: &Node<'_>, spec: GetArtifact) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, spec.resource)?;
        let artifact = self.remote(&element).await?;
        let no_chart = || Error::Document(format!("{}: its content is no chart", element.name()));
        let Place::Stored(source, LocalContent::Manifest(root)) = &artifact.place else { return Err(no_chart()) };
        let document = source.manifest(&root.digest.clone().into()).await?.document()?;
        let layer = |kinds: &[&str]| {
            document.blobs().into_iter().find(|blob| kinds.contains(&blob.media_type.as_str())).cloned()
        };
        let file = |blob: ocm_oci::Descriptor| Content {
            media_type: blob.media_type.clone(),
            place: Place::Stored(source.clone(), LocalContent::Blob(blob)),
            origin: artifact.origin.clone(),
        };
        let chart = file(layer(&[CHART, CHART_OLD]).ok_or_else(no_chart)?);
        let provenance = layer(&[PROVENANCE]).map(file);
        let element = element.with_chart(&document);
        let uri = format!("content:{}", node.id);
        let mut output = element.output();
        output["chartFile"] = chart.file(&uri);
        let mut found = vec![(artifact_of(&uri), artifact.clone())];
        if let Some(provenance) = provenance {
            let uri = format!("{uri}#provenance");
            output["provFile"] = provenance.file(&uri);
            found.push((uri, provenance));
        }
        found.push((uri, chart));
        Ok(Done { output, effect: Some(Effect::Found(found)) })
    }

    /// The artifact of a chart. Its resource stays as it is recorded and signed; only where it is changes.
    pub(super) async fn convert_chart(&self, node: &Node<'_>, spec: ConvertChart) -> Result<Done> {
        let element = Element::read(ElementKind::Resource, spec.resource)?;
        let artifact = self.content(&artifact_of(&spec.chart_file.uri))?.clone();
        artifact.check(&element.name(), element.digest.as_ref()).await?;
        let name = match Access::of(&element.access) {
            Access::Helm { repository, chart, version } => chart_name(&repository, &chart, version.as_deref()),
            _ => element.access.text("imageReference").unwrap_or_default().to_owned(),
        };
        let access = TypedObject::new("ociArtifact/v1").with("imageReference", name);
        Ok(handed_out(node, &element.with_access(&access), artifact))
    }
}

impl Element {
    /// The element with the name and version that the chart gives itself.
    fn with_chart(self, document: &Document) -> Self {
        let annotation = |key: &str| {
            let annotations = document.annotations()?;
            annotations.get(&format!("org.opencontainers.image.{key}")).cloned()
        };
        let (Some(name), Some(version)) = (annotation("title"), annotation("version")) else { return self };
        let mut access = self.access.clone();
        access.members.shift_remove("version");
        let access = access.with("helmChart", Value::from(format!("{name}:{version}")));
        let mut element = self.with_access(&access);
        element.whole["access"] = json!(access);
        element
    }
}
