//! `check portability`: addresses in a descriptor that not everybody who reads it can follow.

use std::collections::HashSet;

use ocm_access::relocation::Opened;
use ocm_model::access::Access;
use ocm_model::{Descriptor, RepositoryReference, TypedObject};
use ocm_oci::ImageReference;
use schemars::JsonSchema;
use serde::Serialize;

use super::get;
pub use crate::hazard::Hazard;
use crate::hazard::hazards;
use crate::select::Place;
use crate::{Context, Result, select};

/// Looks for addresses that are true in one place only. Nothing that a descriptor refers to is contacted.
///
/// # Errors
/// [`crate::Kind::NotFound`] if a reference fits nothing at all. Findings are no error.
pub async fn run(context: &Context, request: &get::Request) -> Result<Report> {
    let selected = select::select(context, request).await?;
    let (mut report, mut seen) = (Report::default(), HashSet::new());
    for Place { address, lookup } in select::places(context, &selected, &request.lookup).await? {
        let mut roots = Vec::new();
        for root in selected.iter().filter(|root| root.repository.address() == address) {
            let version = root.read().await?;
            lookup.remember(&version);
            roots.push(version);
        }
        let mut versions = if request.recursive { ocm_transfer::closure(roots, &lookup).await? } else { roots };
        versions.retain(|version| seen.insert((version.content().address(), version.root.digest().clone())));
        report.checked += versions.len();
        for version in versions {
            report.items.extend(findings(&version.descriptor, Opened::of(&version).as_ref()));
        }
    }
    Ok(report)
}

/// The findings in one descriptor. `opened` is the address it was read through, if it was read from a registry.
pub(crate) fn findings(descriptor: &Descriptor, opened: Option<&Opened>) -> Vec<Finding> {
    let component = &descriptor.component;
    let name = format!("{}:{}", component.name, component.version);
    let mut findings = Vec::new();
    let mut add = |element: String, member: &str, (address, problems): (String, Vec<Hazard>)| {
        if !problems.is_empty() {
            // Signed addresses let everybody in who reads them.
            let address = ocm_http::redacted(address);
            findings.push(Finding { component: name.clone(), element, member: member.to_owned(), address, problems });
        }
    };
    for artifact in component.artifacts() {
        let element = format!("{} {}", artifact.kind.noun(), artifact.identity());
        if let Some(judged) = judge(artifact.access, opened) {
            add(element.clone(), "access", judged);
        }
        if let Access::LocalBlob { global_access: Some(global), .. } = Access::of(artifact.access)
            && let Some(judged) = judge(&global, opened)
        {
            add(element, "globalAccess", judged);
        }
    }
    for (position, context) in component.repository_contexts.iter().enumerate() {
        // Where a version has been is history, so another host is no fault; an address of somebody's machine is one.
        if let Ok(place @ RepositoryReference::Oci { .. }) = RepositoryReference::from_spec(context) {
            let address = plain(&place);
            let problems = hazards(&address);
            add(format!("repository context {}", position + 1), "repositoryContexts", (address, problems));
        }
    }
    findings
}

/// The address of a repository without its type.
pub(crate) fn plain(place: &RepositoryReference) -> String {
    match place {
        RepositoryReference::Oci { base_url, sub_path, .. } if sub_path.is_empty() => base_url.clone(),
        RepositoryReference::Oci { base_url, sub_path, .. } => format!("{base_url}/{sub_path}"),
        RepositoryReference::Ctf { file_path, .. } => file_path.clone(),
        RepositoryReference::Other(_) => place.to_string(),
    }
}

/// The address in an access, and what is wrong with it; `None` for an access without one.
fn judge(access: &TypedObject, opened: Option<&Opened>) -> Option<(String, Vec<Hazard>)> {
    let image = |text: String, may_lack_digest: bool| {
        let Ok(reference) = text.parse::<ImageReference>() else { return (text, Vec::new()) };
        // Short names mean a public registry, which their spelling hides.
        let mut problems = match reference.written_host() {
            Some(_) => hazards(&text),
            None => Vec::new(),
        };
        if let (Some(opened), Ok(endpoint)) = (opened, reference.endpoint())
            && !opened.is_at(&endpoint)
        {
            problems.push(Hazard::OtherHost);
        }
        if reference.digest().is_none() && !may_lack_digest {
            problems.push(Hazard::TagOnly);
        }
        (text, problems)
    };
    let address = |text: String| {
        let problems = hazards(&text);
        (text, problems)
    };
    match Access::of(access) {
        Access::OciImage { image_reference } => Some(image(image_reference, false)),
        Access::OciLayer { reference, .. } => Some(image(reference, true)),
        Access::RelativeOci { reference } if !reference.contains('@') => Some((reference, vec![Hazard::TagOnly])),
        Access::Helm { repository, .. } | Access::GitHub { repository, .. } | Access::Maven { repository, .. } => {
            Some(address(repository))
        }
        Access::Git { repository, .. } if repository.contains("://") => Some(address(repository)),
        Access::Wget { url, .. } => Some(address(url)),
        Access::Npm { registry, .. } => Some(address(registry)),
        Access::S3 { endpoint: Some(endpoint), .. } => Some(address(endpoint)),
        _ => None,
    }
}

/// What was found.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many component versions were looked at.
    pub checked: usize,
    /// One entry per address that is not portable, in the order of the descriptors.
    pub items: Vec<Finding>,
}

/// An address that is not portable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The component version, `component:version`.
    pub component: String,
    /// What has the address: `resource name=image,version=1.0.0`, `repository context 1`.
    pub element: String,
    /// Where in it: `access`, `globalAccess`, `repositoryContexts`.
    pub member: String,
    /// The address as it is written.
    #[serde(rename = "access")]
    pub address: String,
    /// What is wrong with it; never empty.
    pub problems: Vec<Hazard>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ocm_oci::Location;

    use super::*;

    const DESCRIPTOR: &str = r#"
meta: {schemaVersion: v2}
component:
  name: acme.org/x
  version: 1.0.0
  provider: acme
  repositoryContexts:
  - {type: OCIRegistry, baseUrl: "http://localhost:9999", subPath: local/components}
  - {type: OCIRegistry, baseUrl: ghcr.io/acme}
  - {type: CommonTransportFormat, filePath: ./localhost}
  resources:
  - {name: stale, type: ociImage, access: {type: ociArtifact, imageReference: "http://localhost:9999/local/components/a:1"}}
  - {name: hub, type: ociImage, access: {type: ociArtifact, imageReference: "nginx@sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"}}
  - {name: here, type: ociImage, access: {type: ociArtifact, imageReference: "quay.io/acme/b@sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"}}
  - {name: relative, type: ociImage, access: {type: relativeOciReference, reference: "acme/b:1"}}
  - {name: local, type: blob, access: {type: localBlob, localReference: x, globalAccess: {type: ociBlob, ref: registry:5000/x, digest: y}}}
  - {name: chart, type: helmChart, access: {type: helm, helmRepository: "https://charts.acme.svc", helmChart: "x:1"}}
  - {name: file, type: blob, access: {type: wget, url: "https://user@host.example/x"}}
  sources:
  - {name: code, type: git, access: {type: gitHub, repoUrl: github.com/acme/x, commit: abc}}
"#;

    #[test]
    fn each_address_is_judged_by_what_it_is_for() {
        let descriptor = Descriptor::read(DESCRIPTOR.as_bytes()).unwrap();
        let location =
            Location { registry: "https://quay.io".into(), repository: "acme/component-descriptors/acme.org/x".into() };
        let opened = Opened::at(&location, "acme.org/x").unwrap();
        let told = |opened: Option<&Opened>| {
            let line = |finding: Finding| {
                let problems: Vec<_> = finding.problems.iter().map(|problem| problem.text()).collect();
                format!("{} {}: {}", finding.element, finding.member, problems.join(", "))
            };
            findings(&descriptor, opened).into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(
            told(Some(&opened)),
            [
                "resource name=stale access: loopback, http scheme, host ≠ opened host, tag only",
                "resource name=hub access: host ≠ opened host",
                "resource name=relative access: tag only",
                "resource name=local globalAccess: single-label host, host ≠ opened host",
                "resource name=chart access: cluster-local suffix",
                "repository context 1 repositoryContexts: loopback, http scheme",
            ]
        );
        assert_eq!(
            told(None),
            [
                "resource name=stale access: loopback, http scheme, tag only",
                "resource name=relative access: tag only",
                "resource name=local globalAccess: single-label host",
                "resource name=chart access: cluster-local suffix",
                "repository context 1 repositoryContexts: loopback, http scheme",
            ]
        );
    }
}
