//! Nodes that store images under names of their own, and charts.

use ocm_model::DigestSpec;
use ocm_model::access::Access;
use ocm_oci::ImageReference;
use serde_json::{Value, json};

use super::described::rebuilt;
use super::node::Kind;
use super::template::quoted_text;
use super::write::{Current, Element, Upload, Writer, image_name};
use crate::element::{known_name, origin};
use crate::naming::Asked;
use crate::{AccessStyle, Collision, Error, Result, UploadAs};

impl Writer<'_> {
    /// The whole reference that an image gets in the target; `None` if it stays inside of its component version.
    pub(super) fn name(&self, element: &Element<'_>, current: &Current<'_>, access: &Access) -> Result<Option<String>> {
        let found = match access {
            Access::LocalBlob { reference_name, .. } => reference_name.clone(),
            Access::OciImage { image_reference } => Some(image_name(image_reference, current.read)),
            Access::RelativeOci { .. } | Access::Helm { .. } => known_name(access.clone(), current.read),
            _ => return Ok(None),
        };
        let was_local = matches!(access, Access::LocalBlob { .. });
        let origin = (!was_local).then(|| origin(element.access, access));
        let base = self.target.base.split_once("://").map_or(self.target.base.as_str(), |(_, rest)| rest);
        let host = base.split('/').next().unwrap_or_default();
        let digest = element.digest.and_then(DigestSpec::oci_digest).unwrap_or_default();
        let asked = Asked {
            component: (&current.names.0, &current.names.1),
            identity: &element.names,
            number: element.version,
            kind: element.element_type,
            access: &element.access.kind,
            origin: origin.as_deref(),
            reference_name: found.as_deref(),
            was_local,
            digest: &digest,
            host,
        };
        if self.options.naming.is_plain()
            && self.options.upload_as == UploadAs::OciArtifact
            && let (Access::OciImage { .. }, Some(found)) = (access, &found)
        {
            // Whatever such a reference looks like, the older program writes its path.
            return Ok(Some(format!("{}/{found}", self.target.base)));
        }
        let name = asked.name(self.options)?;
        Ok(name.map(|name| {
            let scheme = self.target.base.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
            let root = format!("{}{host}", scheme.unwrap_or_default());
            let base = if name.is_whole { &root } else { &self.target.base };
            name.with_tag(&format!("{base}/{}", name.repository))
        }))
    }

    /// A chart becomes the artifact that Helm itself would push.
    pub(super) fn chart(
        &mut self,
        element: &Element<'_>,
        current: &Current<'_>,
        name: Option<&str>,
        kept: &str,
    ) -> String {
        let [get, convert, add] = self.ids(element, current, ["Get", "Convert", "Add"]);
        self.push(&get, Kind::GetHelmChart, json!({ "resource": element.whole }));
        let spec = json!({
            "resource": format!("${{{get}.output.resource}}"),
            "chartFile": format!("${{{get}.output.chartFile}}"),
        });
        self.push(&convert, Kind::ConvertHelmToOci, spec);
        match name {
            Some(name) => self.add_artifact(element, (&convert, &add), &quoted_text(name)),
            None => self.keep(element, current, (&convert, &add), Some(kept)),
        }
    }

    pub(super) fn upload_image(
        &mut self,
        element: &Element<'_>,
        current: &Current<'_>,
        image: &str,
        name: &str,
    ) -> Result<String> {
        let [transfer] = self.ids(element, current, ["Transfer"]);
        self.claim(name, image, element.digest)?;
        let mut target = element.whole.clone();
        target["access"] = json!({"type": "ociArtifact/v1", "imageReference": quoted_text(name)});
        let spec = json!({"resource": element.whole, "targetResource": target});
        let spec = self.styled(current.at_home(element, spec));
        self.push(&transfer, Kind::TransferOciArtifact, spec);
        Ok(format!("${{{transfer}.output.resource}}"))
    }

    /// `name` is the whole reference; without one it is made of the name that the image was kept with.
    pub(super) fn upload_local(&mut self, element: &Element<'_>, current: &Current<'_>, name: Option<&str>) -> String {
        let [get, add] = self.ids(element, current, ["Get", "Add"]);
        self.get_local(&get, element, current);
        let image = match name {
            Some(name) => quoted_text(name),
            None => {
                let kept = element.access.text("referenceName").unwrap_or_default();
                let has_tag = kept.rsplit('/').next().is_some_and(|last| last.contains(':'));
                let tag = if has_tag || element.version.is_empty() {
                    String::new()
                } else {
                    format!(":{}", ocm_model::version::to_tag(element.version))
                };
                let base = &self.target.base;
                format!("{base}/${{{get}.output.resource.access.referenceName}}{}", quoted_text(&tag))
            }
        };
        self.add_artifact(element, (&get, &add), &image)
    }

    fn add_artifact(&mut self, element: &Element<'_>, (get, add): (&str, &str), image: &str) -> String {
        let access = json!({"type": "ociArtifact/v1", "imageReference": image});
        let spec = json!({"resource": rebuilt(get, &access, element.digest.is_none()), "file": format!("${{{get}.output.file}}")});
        let spec = self.styled(spec);
        self.push(add, Kind::AddOciArtifact, spec);
        self.files.push(add.to_owned());
        format!("${{{add}.output.resource}}")
    }

    /// The older program knows one way to refer to an image, by the address of the target.
    fn styled(&self, mut spec: Value) -> Value {
        if self.options.access_style == AccessStyle::Relative {
            spec["accessStyle"] = "relative".into();
        }
        spec
    }

    /// Images of different registries may have the same path and tag; the later one must not take the name of the first.
    /// One host at two ports may be one registry: whether these are the same image shows when they are looked up.
    fn claim(&mut self, name: &str, image: &str, digest: Option<&DigestSpec>) -> Result<()> {
        let Ok(reference) = image.parse::<ImageReference>() else { return Ok(()) };
        if reference.tag().is_none() {
            return Ok(());
        }
        let host = reference.host().split(':').next().unwrap_or_default().to_owned();
        let upload = Upload { image: image.to_owned(), host, digest: digest.map(|digest| digest.value.clone()) };
        let Some(other) = self.uploads.insert(name.to_owned(), upload.clone()) else { return Ok(()) };
        let is_same = upload.digest.is_some() && upload.digest == other.digest;
        if is_same || upload.host == other.host || self.options.naming.collision == Collision::Overwrite {
            return Ok(());
        }
        Err(Error::SameName { name: name.to_owned(), first: other.image, second: upload.image })
    }
}
