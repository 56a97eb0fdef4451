//! Content of accesses and inputs, and digests of it.

use ocm_model::{DigestSpec, Resource, TypedObject};
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

/// What an input turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Processed {
    /// Content.
    Content(Location),
    /// Content that lies elsewhere and stays there.
    Elsewhere {
        /// Where.
        access: TypedObject,
        /// Its digest, if the plugin says one.
        digest: Option<DigestSpec>,
    },
}

#[derive(Deserialize)]
struct Answered {
    location: Option<Written>,
    resource: Option<Elsewhere>,
    source: Option<Elsewhere>,
}

#[derive(Deserialize)]
struct Elsewhere {
    access: Option<TypedObject>,
    digest: Option<DigestSpec>,
}

#[derive(Deserialize)]
struct Located {
    location: Option<Written>,
}

#[derive(Deserialize)]
struct Digested {
    resource: Option<Map<String, Value>>,
}

impl Digested {
    /// The resource. The SDK for Go writes members as null that it was not given.
    fn read(self) -> Result<Option<Resource>, String> {
        let Some(mut members) = self.resource else { return Ok(None) };
        members.retain(|_, value| !value.is_null());
        members.entry("access").or_insert_with(|| json!({"type": ""}));
        serde_json::from_value(members.into()).map(Some).map_err(|error| format!("its answer has no resource: {error}"))
    }
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

    /// Content made of other content (`blobTransformer`).
    ///
    /// # Errors
    /// The specification does not fit its schema, or the plugin does not hand a file over.
    pub async fn transform(
        &self,
        specification: &TypedObject,
        content: &Location,
        credentials: Option<&Credentials>,
    ) -> Result<Location> {
        self.fits(specification)?;
        let location = content.write().map_err(|reason| self.fail(Kind::Invalid, reason))?;
        let payload = Some(json!({"specification": specification, "location": location}));
        let credentials = Header::Optional(credentials);
        let answer: Located = self.ask(Ask { path: "/blob/transform", payload, credentials, patience: SLOW }).await?;
        self.located(answer.location)
    }

    /// The resource with its digest, and with an access that always means the same content. Without a digest, the plugin leaves it
    /// to whoever asks.
    pub async fn digest(&self, resource: &Resource, credentials: Option<&Credentials>) -> Result<Resource> {
        self.fits(&resource.access)?;
        let payload = Some(json!({"resource": resource}));
        let credentials = Header::Optional(credentials);
        let ask = Ask { path: "/resource/digest/process", payload, credentials, patience: SLOW };
        let answer: Digested = self.ask(ask).await?;
        let resource = answer.read().map_err(|reason| self.fail(Kind::Misbehaves, reason))?;
        resource.ok_or_else(|| self.fail(Kind::Misbehaves, "answers /resource/digest/process without a resource"))
    }

    /// What an input is. `element` is the resource or source as its author wrote it, with the input.
    pub async fn input(
        &self,
        of: Element,
        element: &Map<String, Value>,
        input: &TypedObject,
        credentials: Option<&Credentials>,
    ) -> Result<Processed> {
        self.fits(input)?;
        let (path, key) = match of {
            Element::Resource => ("/resource/process", "resource"),
            Element::Source => ("/source/process", "source"),
        };
        let payload = Some(json!({key: element}));
        let credentials = Header::Optional(credentials);
        let mut answer: Answered = self.ask(Ask { path, payload, credentials, patience: SLOW }).await?;
        if answer.location.is_some() {
            return self.located(answer.location).map(Processed::Content);
        }
        let written = match of {
            Element::Resource => answer.resource.take(),
            Element::Source => answer.source.take(),
        };
        let elsewhere = written.filter(|written| written.access.as_ref().is_some_and(|access| !access.kind.is_empty()));
        match elsewhere {
            Some(Elsewhere { access: Some(access), digest }) => Ok(Processed::Elsewhere { access, digest }),
            _ => Err(self.fail(Kind::Misbehaves, "its answer has neither content nor an access")),
        }
    }

    pub(super) fn located(&self, written: Option<Written>) -> Result<Location> {
        let written = written.ok_or_else(|| self.fail(Kind::Misbehaves, "its answer has no content"))?;
        Location::read(written).map_err(|reason| self.fail(Kind::Misbehaves, reason))
    }
}
