//! Content of accesses and inputs, digests of it, and content made into other content.

use ocm_model::{Resource, TypedObject};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Credentials;
use crate::location::Written;
use crate::plugin::{Ask, Header, Plugin, SLOW};
use crate::{Capability, Kind, Location, Result};

/// What an input belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A resource.
    Resource,
    /// A source.
    Source,
}

#[derive(Deserialize)]
struct Located {
    location: Option<Written>,
}

#[derive(Deserialize)]
struct Digested {
    resource: Option<Resource>,
}

impl Plugin {
    pub(crate) fn is_store(&self) -> bool {
        self.capability() == Capability::CredentialRepository
    }

    /// The content of a resource's access, as a file.
    ///
    /// # Errors
    /// The access does not fit its schema, or the plugin does not hand a file over.
    pub async fn resource(&self, resource: &Resource, credentials: Option<&Credentials>) -> Result<Location> {
        self.fits(&resource.access)?;
        let payload = Some(json!({"resource": resource}));
        let credentials = Header::Optional(credentials);
        let answer: Located = self.ask(Ask { path: "/resource/get", payload, credentials, patience: SLOW }).await?;
        self.located(answer.location)
    }

    /// Stores content behind a resource's access; gives the access under which it is found from then on.
    pub async fn add_resource(
        &self,
        resource: &Resource,
        content: &Location,
        credentials: Option<&Credentials>,
    ) -> Result<Resource> {
        self.fits(&resource.access)?;
        let location = content.write().map_err(|reason| self.fail(Kind::Invalid, reason))?;
        let payload = Some(json!({"resourceLocation": location, "resource": resource}));
        let credentials = Header::Optional(credentials);
        let answer: Digested = self.ask(Ask { path: "/resource/add", payload, credentials, patience: SLOW }).await?;
        answer.resource.ok_or_else(|| self.fail(Kind::Misbehaves, "answers /resource/add without a resource"))
    }

    /// The resource with its digest, and with an access that always means the same content.
    pub async fn digest(&self, resource: &Resource, credentials: Option<&Credentials>) -> Result<Resource> {
        self.fits(&resource.access)?;
        let payload = Some(json!({"resource": resource}));
        let credentials = Header::Optional(credentials);
        let ask = Ask { path: "/resource/digest/process", payload, credentials, patience: SLOW };
        let answer: Digested = self.ask(ask).await?;
        let resource = answer.resource.filter(|resource| resource.digest.is_some());
        resource.ok_or_else(|| self.fail(Kind::Misbehaves, "answers /resource/digest/process without a digest"))
    }

    /// The content of an input. `element` is the resource or source as its author wrote it, with the input.
    ///
    /// The protocol lets an answer carry an access in place of content, which nobody here can make sense of: the content is
    /// what is asked for.
    pub async fn input(
        &self,
        of: Element,
        element: &Map<String, Value>,
        input: &TypedObject,
        credentials: Option<&Credentials>,
    ) -> Result<Location> {
        self.fits(input)?;
        let (path, key) = match of {
            Element::Resource => ("/resource/process", "resource"),
            Element::Source => ("/source/process", "source"),
        };
        let payload = Some(json!({key: element}));
        let credentials = Header::Optional(credentials);
        let answer: Located = self.ask(Ask { path, payload, credentials, patience: SLOW }).await?;
        self.located(answer.location)
    }

    /// Content made into other content.
    pub async fn transform(
        &self,
        content: &Location,
        specification: &TypedObject,
        credentials: Option<&Credentials>,
    ) -> Result<Location> {
        self.fits(specification)?;
        let location = content.write().map_err(|reason| self.fail(Kind::Invalid, reason))?;
        let payload = Some(json!({"location": location, "specification": specification}));
        let credentials = Header::Optional(credentials);
        let answer: Located = self.ask(Ask { path: "/blob/transform", payload, credentials, patience: SLOW }).await?;
        self.located(answer.location)
    }

    pub(super) fn located(&self, written: Option<Written>) -> Result<Location> {
        let written = written.ok_or_else(|| self.fail(Kind::Misbehaves, "its answer has no content"))?;
        Location::read(written).map_err(|reason| self.fail(Kind::Misbehaves, reason))
    }
}
