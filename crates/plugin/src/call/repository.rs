//! Repositories of component versions.
//!
//! The questions that read carry names in their query, and the SDK for Go never looks for the repository there: its programs
//! know one. It is sent beside them all the same, for programs that know several.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ocm_model::{Identity, TypedObject};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{Credentials, Element};
use crate::location::Written;
use crate::plugin::{Ask, Header, Plugin, QUICK, SLOW};
use crate::{Kind, Location, Result};

/// Everything but what RFC 3986 leaves unreserved.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Most pages of a list of components. A program that gives the same page again and again would never end.
const MOST_PAGES: usize = 10_000;

/// Most entries of a list of components or versions.
const MOST_ENTRIES: usize = 1_000_000;

/// A repository of a plugin, and who asks it.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its specification.
    pub specification: TypedObject,
    /// Credentials for the identity that the plugin names.
    pub credentials: Option<Credentials>,
}

/// A component version in a repository.
#[derive(Clone, Copy, Debug)]
pub struct VersionName<'a> {
    /// Name of the component.
    pub component: &'a str,
    /// Its version.
    pub version: &'a str,
}

#[derive(Serialize)]
struct NewVersion<'a> {
    repository: &'a TypedObject,
    descriptor: &'a RawValue,
}

#[derive(Deserialize)]
struct Located {
    location: Option<Written>,
}

#[derive(Default, Deserialize)]
struct Page {
    #[serde(default)]
    list: Option<Vec<String>>,
    #[serde(default)]
    header: Option<PageHeader>,
}

#[derive(Default, Deserialize)]
struct PageHeader {
    #[serde(default)]
    last: String,
}

impl Place {
    fn header(&self) -> Header<'_> {
        Header::Always(self.credentials.as_ref())
    }

    /// The query of a question: names, and the repository.
    fn query(&self, endpoint: &str, names: &[(&str, &str)]) -> String {
        let repository = STANDARD.encode(serde_json::to_vec(&self.specification).unwrap_or_default());
        let mut query = format!("{endpoint}?");
        for (name, text) in names.iter().chain(&[("repository", repository.as_str())]) {
            let separator = if query.ends_with('?') { "" } else { "&" };
            query = format!("{query}{separator}{name}={}", utf8_percent_encode(text, QUERY));
        }
        query
    }
}

impl Plugin {
    /// The descriptor of a component version, as the plugin writes it (JSON).
    ///
    /// # Errors
    /// [`Kind::Refused`] when the plugin does not have it, or does not give it.
    pub async fn component_version(&self, place: &Place, name: VersionName<'_>) -> Result<Bytes> {
        self.fits(&place.specification)?;
        let path = place.query("/component-version/download", &[("name", name.component), ("version", name.version)]);
        let ask = Ask { path: &path, payload: None::<()>, credentials: place.header(), patience: QUICK };
        self.raw(&ask).await
    }

    /// The versions of a component.
    pub async fn component_versions(&self, place: &Place, component: &str) -> Result<Vec<String>> {
        self.fits(&place.specification)?;
        let path = place.query("/component-versions", &[("name", component)]);
        let ask = Ask { path: &path, payload: None::<()>, credentials: place.header(), patience: QUICK };
        let versions: Option<Vec<String>> = self.ask(ask).await?;
        Ok(versions.unwrap_or_default())
    }

    /// Local content of a component version, as a file.
    pub async fn local(
        &self,
        of: Element,
        place: &Place,
        name: VersionName<'_>,
        identity: &Identity,
    ) -> Result<Location> {
        self.fits(&place.specification)?;
        let endpoint = match of {
            Element::Resource => "/local-resource/download",
            Element::Source => "/local-source/download",
        };
        let identity = STANDARD.encode(serde_json::to_vec(identity).unwrap_or_default());
        let names = [("name", name.component), ("version", name.version), ("identity", identity.as_str())];
        let path = place.query(endpoint, &names);
        let ask = Ask { path: &path, payload: None::<()>, credentials: place.header(), patience: SLOW };
        let answer: Located = self.ask(ask).await?;
        self.located(answer.location)
    }

    /// Stores local content of a component version before the version itself; gives the access under which it is found from then
    /// on, or `None` when the plugin leaves that to whoever asks.
    pub async fn add_local(
        &self,
        of: Element,
        place: &Place,
        name: VersionName<'_>,
        element: &Value,
        content: &Location,
    ) -> Result<Option<TypedObject>> {
        self.fits(&place.specification)?;
        let location = content.write().map_err(|reason| self.fail(Kind::Invalid, reason))?;
        let (path, key) = match of {
            Element::Resource => ("/local-resource/upload", "resource"),
            Element::Source => ("/local-source/upload", "source"),
        };
        let payload = Some(json!({
            "repository": place.specification,
            "name": name.component,
            "version": name.version,
            key: element,
            format!("{key}Location"): location,
        }));
        let ask = Ask { path, payload, credentials: place.header(), patience: SLOW };
        let answer: Option<Map<String, Value>> = self.ask(ask).await?;
        let access = answer.and_then(|mut element| element.remove("access")).filter(|access| !access.is_null());
        let access = access.map(serde_json::from_value::<TypedObject>).transpose();
        let access = access.map_err(|error| {
            self.fail(Kind::Misbehaves, format!("its answer to {path} has an access that is none: {error}"))
        })?;
        Ok(access.filter(|access| !access.kind.is_empty()))
    }

    /// Stores a component version. `descriptor` is JSON, and passed on byte for byte.
    pub async fn add_component_version(&self, place: &Place, descriptor: &[u8]) -> Result<()> {
        self.fits(&place.specification)?;
        let descriptor: &RawValue =
            serde_json::from_slice(descriptor).map_err(|error| self.fail(Kind::Invalid, error))?;
        let payload = Some(NewVersion { repository: &place.specification, descriptor });
        let ask = Ask { path: "/component-version/upload", payload, credentials: place.header(), patience: SLOW };
        self.tell(ask).await
    }

    /// Whether the repository answers. Programs made with the SDK for Go do not know the question, and refuse it.
    pub async fn check_health(&self, place: &Place) -> Result<()> {
        self.fits(&place.specification)?;
        let payload = Some(json!({"repository": place.specification}));
        let ask =
            Ask { path: "/component-version/check-health", payload, credentials: place.header(), patience: QUICK };
        self.tell(ask).await
    }

    /// The names of all components of a repository, page by page.
    pub async fn components(&self, place: &Place) -> Result<Vec<String>> {
        self.fits(&place.specification)?;
        let (mut names, mut last) = (Vec::new(), String::new());
        for _ in 0..MOST_PAGES {
            let payload = Some(json!({"repository": place.specification, "last": last}));
            let ask = Ask { path: "/components/list", payload, credentials: place.header(), patience: QUICK };
            let Page { list, header } = self.ask::<_, Option<Page>>(ask).await?.unwrap_or_default();
            names.extend(list.unwrap_or_default());
            let next = header.unwrap_or_default().last;
            if next.is_empty() || next == last || names.len() > MOST_ENTRIES {
                break;
            }
            last = next;
        }
        if names.len() > MOST_ENTRIES {
            return Err(self.fail(Kind::Misbehaves, format!("lists more than {MOST_ENTRIES} components")));
        }
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_in_queries() {
        let place = Place { specification: TypedObject::new("t/v1"), credentials: None };
        assert_eq!(
            place.query("/component-versions", &[("name", "acme.org/a b&c")]),
            "/component-versions?name=acme.org%2Fa%20b%26c&repository=eyJ0eXBlIjoidC92MSJ9"
        );
    }
}
