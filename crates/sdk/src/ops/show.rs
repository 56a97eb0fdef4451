//! `show versions`, `show tags`: what versions a component or an OCI repository has, and nothing else of it.

use ocm_access::Sources as _;
use ocm_model::{Constraint, Version};
use ocm_oci::ImageReference;
use schemars::JsonSchema;
use serde::Serialize;

use crate::select::{self, Meant};
use crate::{Context, Error, Kind, Result, interpret};

/// The versions of a component, oldest first. None are no error.
///
/// # Errors
/// [`Kind::Usage`] for a text that names no component, and for a constraint that is none.
pub async fn versions(context: &Context, request: &Request) -> Result<Report> {
    let (repository, component) = match &request.repository {
        Some(place) => {
            let repository = select::open(context, &select::repository(place)?).await?;
            (repository, request.subject.clone())
        }
        None => match select::meaning(&request.subject)? {
            Meant::Component(reference) => {
                let (repository, reference) = interpret::open(context, &request.subject, reference).await?;
                (repository, reference.component.to_string())
            }
            Meant::Repository(_) => {
                return Err(Error::usage(format!("{}: names no component", request.subject))
                    .hint("write REPOSITORY//COMPONENT, or use --repo REPOSITORY"));
            }
        },
    };
    let found = repository.versions(&component).await?;
    let versions = found.iter().filter_map(|version| Version::parse(version).ok()).collect();
    Ok(Report { items: chosen(versions, request)?.iter().map(|version| spelt(version, request)).collect() })
}

/// The tags of an OCI repository: as the registry lists them, or as versions, oldest first.
///
/// # Errors
/// [`Kind::NotFound`] if there is no such repository.
pub async fn tags(context: &Context, request: &Request) -> Result<Report> {
    let name = match &request.repository {
        Some(registry) => format!("{}/{}", registry.trim_end_matches('/'), request.subject),
        None => request.subject.clone(),
    };
    let reference: ImageReference = name.parse()?;
    let mut tags = context.repository(&reference).await?.tags().await?;
    if tags.is_empty() {
        return Err(Error::new(Kind::NotFound, format!("{name}: no tag found")));
    }
    if request.spelling == Spelling::AsStored {
        tags.sort();
        return Ok(Report { items: tags });
    }
    let versions = tags.iter().filter_map(|tag| Version::from_tag(tag).ok()).collect();
    Ok(Report { items: chosen(versions, request)?.iter().map(|version| spelt(version, request)).collect() })
}

/// Those that match one of the constraints, oldest first; the newest alone if that was asked for.
fn chosen(mut versions: Vec<Version>, request: &Request) -> Result<Vec<Version>> {
    let constraints: Vec<Constraint> = request
        .constraints
        .iter()
        .map(|text| Constraint::parse(text))
        .collect::<Result<_, _>>()
        .map_err(Error::usage)?;
    versions
        .retain(|version| constraints.is_empty() || constraints.iter().any(|constraint| constraint.matches(version)));
    versions.sort();
    if request.latest {
        versions.drain(..versions.len().saturating_sub(1));
    }
    Ok(versions)
}

fn spelt(version: &Version, request: &Request) -> String {
    if request.spelling != Spelling::Semantic {
        return version.to_string();
    }
    let part = |mark: char, text: &str| if text.is_empty() { String::new() } else { format!("{mark}{text}") };
    let numbers = format!("{}.{}.{}", version.major(), version.minor(), version.patch());
    numbers + &part('-', version.prerelease()) + &part('+', version.build())
}

/// What to show the versions of.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// A component, or an OCI repository.
    pub subject: String,
    /// The repository that the component is in, or the registry.
    pub repository: Option<String>,
    /// Constraints of which a version has to match one; none lets all pass.
    pub constraints: Vec<String>,
    /// Only the newest one.
    pub latest: bool,
    /// What is shown, and how it is written.
    pub spelling: Spelling,
}

/// What is shown of a version or tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Spelling {
    /// What there is, also tags that are no versions.
    #[default]
    AsStored,
    /// Versions, as they are written.
    Version,
    /// Versions with all three numbers and without a `v` in front.
    Semantic,
}

/// Versions or tags.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// One per line.
    pub items: Vec<String>,
}
