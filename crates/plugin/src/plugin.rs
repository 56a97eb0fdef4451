use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use ocm_model::TypedObject;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::call::Credentials;
use crate::{Capability, Error, Kind, OfferedType, Plugins, Program, Result, schema};

/// How long a question may take whose answer needs no content.
pub(crate) const QUICK: Duration = Duration::from_mins(1);

/// How long a question may take whose answer is content, which a plugin may have to fetch first.
pub(crate) const SLOW: Duration = Duration::from_hours(1);

/// A plugin and one thing it can do.
#[derive(Clone)]
pub struct Plugin {
    plugins: Plugins,
    program: Arc<Program>,
    capability: Capability,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("program", &self.program.path)
            .field("capability", &self.capability)
            .finish_non_exhaustive()
    }
}

/// One question in the words of the protocol.
pub(crate) struct Ask<'a, T> {
    pub(crate) path: &'a str,
    /// What is sent; `None` makes it a `GET`.
    pub(crate) payload: Option<T>,
    /// What stands in the header for credentials.
    pub(crate) credentials: Header<'a>,
    pub(crate) patience: Duration,
}

/// Credentials of a question.
#[derive(Clone, Copy)]
pub(crate) enum Header<'a> {
    /// The question takes none.
    None,
    /// They are left out when there are none.
    Optional(Option<&'a Credentials>),
    /// The header has to be there; without credentials it is an empty object.
    Always(Option<&'a Credentials>),
}

/// The path of a question without its query.
pub(crate) fn endpoint(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}

impl Plugin {
    pub(crate) fn new(plugins: Plugins, program: Arc<Program>, capability: Capability) -> Self {
        Self { plugins, program, capability }
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn capability(&self) -> Capability {
        self.capability
    }

    pub(crate) fn fail(&self, kind: Kind, reason: impl fmt::Display) -> Error {
        Error::new(kind, self.program.path.display(), reason)
    }

    /// Remembers secrets of an object that it is going to be told, to take them out of what it says.
    ///
    /// # Errors
    /// It does not start.
    pub async fn confide(&self, secrets: &[String]) -> Result<()> {
        if !secrets.is_empty() {
            let running = self.plugins.start(&self.program, self.capability).await?;
            for secret in secrets {
                running.confide(secret);
            }
        }
        Ok(())
    }

    /// Compares what will be sent with the schema that the program announced for its type.
    pub(crate) fn fits(&self, object: &TypedObject) -> Result<()> {
        let types = self.program.announcement.offers.iter().filter(|offer| offer.capability == self.capability);
        let offered: Option<&OfferedType> =
            types.flat_map(|offer| &offer.types).find(|kind| kind.names().any(|name| name == object.kind));
        let Some(schema) = offered.and_then(|offered| offered.schema.as_ref()) else { return Ok(()) };
        let value = serde_json::to_value(object).map_err(|error| self.fail(Kind::Invalid, error))?;
        schema::check(&value, schema).map_err(|reason| {
            self.fail(Kind::Invalid, format!("the type {:?} as written does not fit its schema: {reason}", object.kind))
        })
    }

    /// Asks, starting the program if it does not run.
    pub(crate) async fn ask<T: Serialize, A: DeserializeOwned>(&self, ask: Ask<'_, T>) -> Result<A> {
        let body = self.raw(&ask).await?;
        serde_json::from_slice(&body).map_err(|error| {
            self.fail(Kind::Misbehaves, format!("its answer to {} is not of the protocol: {error}", endpoint(ask.path)))
        })
    }

    /// Asks for an identity. A program that refuses to tell one gets no credentials, and what it is asked next shows whether it
    /// needs them: programs made with the SDK for Go do not know the question for inputs, and cannot read it for digests.
    pub(crate) async fn ask_identity<T: Serialize, A: DeserializeOwned>(&self, ask: Ask<'_, T>) -> Result<Option<A>> {
        match self.ask(ask).await {
            Err(error) if error.status().is_some() => {
                tracing::debug!(target: "ocm", "{error}: it is given no credentials");
                Ok(None)
            }
            answered => answered,
        }
    }

    /// Asks for nothing but success.
    pub(crate) async fn tell<T: Serialize>(&self, ask: Ask<'_, T>) -> Result<()> {
        self.raw(&ask).await.map(|_| ())
    }

    /// Asks, and gives the answer as it came.
    pub(crate) async fn raw<T: Serialize>(&self, ask: &Ask<'_, T>) -> Result<Bytes> {
        let running = self.plugins.start(&self.program, self.capability).await?;
        let credentials = match ask.credentials {
            Header::None | Header::Optional(None) => None,
            Header::Always(None) => Some("{}".to_owned()),
            Header::Optional(Some(credentials)) | Header::Always(Some(credentials)) => {
                credentials.secrets().for_each(|secret| running.confide(secret));
                Some(credentials.write())
            }
        };
        let body = ask.payload.as_ref().map(serde_json::to_vec).transpose();
        let body = body.map_err(|error| self.fail(Kind::Invalid, error))?;
        let method = if body.is_some() { Method::POST } else { Method::GET };
        running.ask(method, ask.path, body.map(Bytes::from), credentials, ask.patience).await
    }
}
