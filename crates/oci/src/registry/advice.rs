//! What to do about refusals that some registries are known for.

use ocm_http::StatusCode;

use crate::{Error, Kind, Manifest, media_type};

/// What makes a repository that a registry wants to exist before anything is pushed.
pub(super) fn missing_repository(host: &str, name: &str) -> String {
    let host = host.split(':').next().unwrap_or_default();
    let parts: Vec<&str> = host.split('.').collect();
    match parts.as_slice() {
        // <account>.dkr.ecr.<region>.amazonaws.com, in China with `.cn` at its end, with FIPS `ecr-fips`
        [account, "dkr", "ecr" | "ecr-fips", region, "amazonaws", ..] => format!(
            "create the repository first: aws ecr create-repository --repository-name {name} --region {region} --registry-id {account}"
        ),
        ["public", "ecr", "aws"] => {
            let name = name.split_once('/').map_or(name, |(_, name)| name);
            format!(
                "create the repository first: aws ecr-public create-repository --repository-name {name} --region us-east-1"
            )
        }
        [place, "pkg", "dev"] if place.ends_with("-docker") => {
            let location = place.trim_end_matches("-docker");
            let (project, rest) = name.split_once('/').unwrap_or(("PROJECT", name));
            let repository = rest.split('/').next().unwrap_or_default();
            format!(
                "create the repository first: gcloud artifacts repositories create {repository} --repository-format=docker \
                 --location={location} --project={project}"
            )
        }
        _ => {
            let project = name.split('/').next().unwrap_or_default();
            format!(
                "the registry wants the repository {name}, or the project {project} it belongs to, to be created first"
            )
        }
    }
}

/// Names the types that a registry did not take, where that is why it refused a manifest.
///
/// zot takes Docker's types in its compatibility mode only; Quay has a list of allowed types of artifacts, and wants an OCI
/// index to list OCI manifests; GCR refuses an index within an index.
pub(super) fn refused_type(error: Error, status: StatusCode, manifest: &Manifest) -> Error {
    let types = status == StatusCode::UNSUPPORTED_MEDIA_TYPE || error.reason().contains("MANIFEST_INVALID");
    if !types || !matches!(error.kind(), Kind::Invalid | Kind::Unsupported) {
        return error;
    }
    let own = manifest.media_type();
    let document = manifest.document().ok();
    let config = document.as_ref().and_then(crate::Document::artifact_type).filter(|name| *name != media_type::CONFIG);
    let nested = document.as_ref().is_some_and(|document| {
        document.manifests().iter().any(|descriptor| media_type::is_index(&descriptor.media_type))
    });
    let is_mixed = own == media_type::INDEX
        && document.as_ref().is_some_and(|document| {
            document.manifests().iter().any(|descriptor| descriptor.media_type.contains("vnd.docker."))
        });
    let what = match config {
        Some(config) => format!("{own} for {config}"),
        None => own.to_owned(),
    };
    let advice = if [media_type::DOCKER_MANIFEST, media_type::DOCKER_LIST].contains(&own) {
        "; a registry for OCI types only takes Docker's where its compatibility mode is on (in zot: http.compat [\"docker2s2\"])"
    } else if is_mixed {
        "; it lists manifests of Docker's types, which some registries (Quay) take in a list of Docker's only"
    } else if nested {
        "; some registries take no index within an index"
    } else if config.is_some() {
        "; some registries take artifacts of allowed types only (in Quay: FEATURE_GENERAL_OCI_SUPPORT)"
    } else {
        ""
    };
    Error::new(error.kind(), error.subject(), format!("{}; the manifest is of the type {what}{advice}", error.reason()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_makes_a_repository() {
        for (host, name, command) in [
            (
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
                "acme/component-descriptors/acme.org/x",
                "aws ecr create-repository --repository-name acme/component-descriptors/acme.org/x --region eu-central-1 --registry-id 123456789012",
            ),
            (
                "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn:443",
                "x",
                "aws ecr create-repository --repository-name x --region cn-north-1 --registry-id 123456789012",
            ),
            (
                "public.ecr.aws",
                "alias/x/y",
                "aws ecr-public create-repository --repository-name x/y --region us-east-1",
            ),
            (
                "europe-west3-docker.pkg.dev",
                "project/images/a/b",
                "gcloud artifacts repositories create images --repository-format=docker --location=europe-west3 --project=project",
            ),
        ] {
            assert_eq!(missing_repository(host, name), format!("create the repository first: {command}"));
        }
        assert!(missing_repository("harbor.example", "team/x").contains("the project team"));
    }
}
