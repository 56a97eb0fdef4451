//! What is described is what is read, and the other way round.

use std::collections::BTreeSet;

use ocm_constructor::{Reading, Text};
use ocm_model::{RepositoryReference, TypedObject};

use super::*;

fn members(kind: &Known) -> BTreeSet<String> {
    let schema = kind.to_type().schema;
    let properties = schema["properties"].as_object().unwrap().keys().cloned();
    properties.filter(|name| name != "type").collect()
}

#[test]
fn every_member_and_every_type_says_what_it_is_for() {
    for (name, description, groups, _) in SUBSYSTEMS {
        assert!(!description.is_empty(), "{name}");
        for kind in groups.iter().flat_map(|group| group.iter()) {
            assert!(!kind.description.is_empty() && !kind.title.is_empty(), "{name} {:?}", kind.names);
            let schema = kind.to_type().schema;
            for (member, schema) in schema["properties"].as_object().unwrap().iter().filter(|(name, _)| *name != "type")
            {
                let said = schema["description"].as_str().unwrap_or_default();
                assert!(!said.is_empty(), "{name} {:?} {member}", kind.names);
            }
        }
    }
}

#[test]
fn every_access_that_is_read_is_described_and_the_other_way_round() {
    for (names, versions) in Access::NAMES {
        for name in names {
            assert!(is_built_in("access", name), "{name} is read and not described");
            for version in versions {
                let name = format!("{name}/{version}");
                assert!(is_built_in("access", &name), "{name} is read and not described");
            }
        }
    }
    for name in known("access").iter().flat_map(|kind| kind.names) {
        assert_ne!(Access::of(&TypedObject::new(*name)), Access::Other, "{name} is described and not read");
    }
}

/// The members of a specification that each access is read from. Patterns are complete, so that a new member fails here until it
/// is described.
fn read_from(access: &Access) -> &'static [&'static str] {
    match access {
        Access::LocalBlob { local_reference: _, media_type: _, reference_name: _, global_access: _ } => {
            &["localReference", "mediaType", "referenceName", "globalAccess"]
        }
        Access::OciImage { image_reference: _ } => &["imageReference"],
        Access::OciLayer { reference: _, media_type: _, digest: _, size: _ } => &["ref", "mediaType", "digest", "size"],
        Access::RelativeOci { reference: _ } => &["reference"],
        Access::LocalOciBlob { digest: _ } => &["digest"],
        Access::LocalFilesystemBlob { file_name: _, media_type: _ } => &["fileName", "mediaType"],
        Access::None => &[],
        Access::Helm { repository: _, chart: _, version: _ } => &["helmRepository", "helmChart", "version"],
        Access::GitHub { repository: _, api_hostname: _, commit: _, reference: _ } => {
            &["repoUrl", "apiHostname", "commit", "ref"]
        }
        Access::Git { repository: _, commit: _, reference: _ } => &["repository", "commit", "ref"],
        Access::Wget { url: _, media_type: _ } => &["url", "mediaType"],
        Access::S3 { region: _, bucket: _, key: _, version: _, media_type: _, endpoint: _ } => {
            &["region", "bucketName", "objectKey", "version", "mediaType", "endpoint"]
        }
        Access::Npm { registry: _, package: _, version: _ } => &["registry", "package", "version"],
        Access::Maven { repository: _, group_id: _, artifact_id: _, version: _, classifier: _, extension: _ } => {
            &["repoUrl", "groupId", "artifactId", "version", "classifier", "extension"]
        }
        Access::File { uri: _, media_type: _, digest: _ } => &["uri", "mediaType", "digest"],
        other => panic!("{other:?} is not in this table"),
    }
}

#[test]
fn members_of_accesses_are_those_that_are_read() {
    // Members that only whoever fetches the content reads.
    const FETCHED: [&str; 7] = ["header", "verb", "body", "noRedirect", "usePathStyle", "caCert", "keyring"];
    for kind in known("access") {
        let empty = TypedObject::new(kind.names[0]);
        let access = Access::of(&empty);
        let described = members(kind);
        let (read, fetched): (BTreeSet<String>, BTreeSet<String>) =
            described.iter().cloned().partition(|name| !FETCHED.contains(&name.as_str()));
        let is_fetched = matches!(access, Access::Wget { .. } | Access::S3 { .. } | Access::Helm { .. });
        assert!(fetched.is_empty() || is_fetched, "{:?}", kind.names);
        let expected: BTreeSet<String> = read_from(&access).iter().map(|name| (*name).to_owned()).collect();
        // In the words of the older program, the service cannot be named.
        let is_older = kind.names.contains(&"S3/v2");
        let expected = expected.into_iter().filter(|name| !(is_older && name == "endpoint")).collect();
        assert_eq!(read, expected, "{:?}", kind.names);
        for name in &read {
            let value = match name.as_str() {
                "size" => 7.into(),
                "globalAccess" => serde_json::json!({"type": "x"}),
                _ => serde_json::json!("text"),
            };
            let changed = Access::of(&empty.clone().with(name, value));
            assert_ne!(changed, access, "{:?}: {name} is described and has no effect", kind.names);
        }
    }
}

/// What the reader of constructor files says when an input has a key that nobody knows: all that it knows.
fn said(kind: &str, key: &str) -> String {
    let text = format!(
        "name: acme.org/x\nversion: 1.0.0\nprovider: {{name: x}}\nresources:\n- {{name: xx, type: blob, input: {{type: {kind}, {key}: 1}}}}\n"
    );
    let text = Text { name: "c.yaml".into(), content: text, folder: ".".into() };
    ocm_constructor::read(&[text], &Reading::default()).unwrap_err().to_string()
}

#[test]
fn every_input_that_is_read_is_described_with_its_members() {
    let all = said("qqqqqqqqqqqqqqqq", "key");
    let (_, names) = all.split_once("there are ").unwrap();
    for name in names.lines().next().unwrap().split(", ") {
        assert!(is_built_in("input", name), "{name} is read and not described");
    }
    let mut differing = Vec::new();
    for kind in known("input") {
        for name in kind.names {
            let said = said(name, "qqqqqqqqqqqqqqqqqqqq");
            assert!(!said.contains("unknown input type"), "{name} is described and not read: {said}");
            let (_, read) = said.split_once("; it has ").unwrap_or_else(|| panic!("{said}"));
            let mut read: BTreeSet<String> =
                read.lines().next().unwrap().split(", ").filter(|name| *name != "type").map(str::to_owned).collect();
            // The schema of this type is byte for byte the one of the Go program, which lacks it.
            if kind.names.contains(&"UTF8/v1") {
                read.remove("mediaType");
            }
            if members(kind) != read {
                differing.push(format!("{name}: described {:?}, read {read:?}", members(kind)));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn every_repository_that_is_described_is_read() {
    for kind in known("ocm-repository") {
        for name in kind.names {
            let spec = TypedObject::new(*name).with("baseUrl", "ghcr.io").with("filePath", "x");
            let read = RepositoryReference::from_spec(&spec).unwrap();
            assert!(!matches!(read, RepositoryReference::Other(_)), "{name}");
        }
    }
}

fn names(subsystem: &str) -> BTreeSet<&'static str> {
    known(subsystem).iter().flat_map(|kind| kind.names.iter().copied()).collect()
}

#[test]
fn credentials_are_described_with_the_parts_that_are_read() {
    let read = ocm_credentials::credential_types();
    let unversioned = |name: &'static str| name.split_once('/').map_or(name, |(name, _)| name);
    let described: BTreeSet<&str> = names("credentials").into_iter().map(unversioned).collect();
    assert_eq!(described, read.iter().map(|(name, _)| *name).collect());
    for kind in known("credentials") {
        let (_, parts) = read.iter().find(|(name, _)| *name == unversioned(kind.names[0])).unwrap();
        assert_eq!(members(kind), parts.iter().map(|part| (*part).to_owned()).collect(), "{:?}", kind.names);
    }
}

#[test]
fn every_configuration_entry_that_is_read_is_described_and_the_other_way_round() {
    let read: BTreeSet<&str> = ocm_config::entry_types().into_iter().collect();
    // The file itself is no entry.
    let is_entry = |name: &&str| !name.starts_with("generic.config.");
    assert_eq!(names("config").into_iter().filter(is_entry).collect::<BTreeSet<_>>(), read);
}

fn unversioned(name: &str) -> &str {
    name.split_once('/').map_or(name, |(name, _)| name)
}

#[test]
fn stores_of_credentials_are_described_with_the_members_that_are_read() {
    let read = ocm_credentials::store_types();
    let described: BTreeSet<&str> = names("credential-repository").into_iter().map(unversioned).collect();
    assert_eq!(described, read.iter().map(|(name, _)| *name).collect());
    for kind in known("credential-repository") {
        let (_, parts) = read.iter().find(|(name, _)| *name == unversioned(kind.names[0])).unwrap();
        assert_eq!(members(kind), parts.iter().map(|part| (*part).to_owned()).collect(), "{:?}", kind.names);
    }
}

/// A resolver of credentials with one configuration entry.
fn credentials(entry: &str) -> ocm_credentials::Resolver {
    let text = format!("type: credentials.config.ocm.software\n{entry}\n");
    let document = ocm_config::Document::read("c.yaml", &text).unwrap();
    let configured = ocm_config::Configuration::new([document]).credentials().unwrap();
    let home = Some("/nowhere".into());
    let sources = ocm_credentials::Sources { configured, home, ..Default::default() };
    ocm_credentials::Resolver::new(sources, ocm_http::Client::default())
}

#[tokio::test]
async fn every_described_member_of_a_store_is_read() {
    let wanted = [("type", "OCIRegistry"), ("hostname", "h.example")].into_iter().collect();
    for kind in known("credential-repository") {
        for name in kind.names {
            for member in members(kind).iter().filter(|member| *member != "propagateConsumerIdentity") {
                let server = if member == "serverURL" { "" } else { ", serverURL: 'https://v.example'" };
                let server = if name.starts_with("HashiCorpVault") { server } else { "" };
                let entry = format!("repositories: [{{repository: {{type: {name}, {member}: [7]{server}}}}}]");
                let error = credentials(&entry).resolve(&wanted).await.unwrap_err().to_string();
                assert!(error.contains(&format!("{member} has to be")), "{name}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn every_described_consumer_is_found_by_each_of_its_attributes() {
    for kind in known("consumer-identity") {
        for name in kind.names {
            let attributes: Vec<String> = members(kind).into_iter().collect();
            let identity = |changed: Option<&str>| -> ocm_model::Identity {
                let value = |attribute: &str| match attribute {
                    _ if changed == Some(attribute) => "4",
                    "scheme" => "https",
                    _ => "5",
                };
                let parts = attributes.iter().map(|attribute| (attribute.as_str(), value(attribute)));
                parts.chain([("type", *name)]).collect()
            };
            let written: Vec<String> =
                identity(None).0.iter().map(|(name, value)| format!("{name}: '{value}'")).collect();
            let entry = format!(
                "consumers: [{{identity: {{{}}}, credentials: [{{type: Credentials/v1, properties: {{password: p}}}}]}}]",
                written.join(", ")
            );
            let resolver = credentials(&entry);
            let found = resolver.resolve(&identity(None)).await.unwrap();
            assert!(found.is_some(), "{name}: {entry}");
            for attribute in &attributes {
                let found = resolver.resolve(&identity(Some(attribute))).await.unwrap();
                assert!(found.is_none(), "{name}: {attribute} has no effect");
            }
        }
    }
}

/// Types of consumers that the content of each access has credentials under. Patterns are complete, so that a new access fails here
/// until its consumer is described.
#[test]
fn every_consumer_that_is_asked_for_is_described() {
    let of_access = |access: &Access| -> &'static [&'static str] {
        match access {
            Access::OciImage { .. } | Access::OciLayer { .. } => &["OCIRegistry"],
            Access::Helm { .. } => &["HelmChartRepository"],
            Access::GitHub { .. } => &["GitHubRepository", "Github"],
            Access::Wget { .. } => &["Wget", "wget"],
            Access::S3 { .. } => &["S3Bucket", "S3"],
            Access::Npm { .. } => &["NpmRegistry", "Registry.npmjs.com"],
            Access::Maven { .. } => &["MavenRepository"],
            Access::LocalBlob { .. }
            | Access::RelativeOci { .. }
            | Access::LocalOciBlob { .. }
            | Access::LocalFilesystemBlob { .. }
            | Access::None
            | Access::Git { .. }
            | Access::File { .. } => &[],
            other => panic!("{other:?} is not in this table"),
        }
    };
    let mut asked: BTreeSet<&str> = known("access")
        .iter()
        .flat_map(|kind| of_access(&Access::of(&TypedObject::new(kind.names[0]))).iter().copied())
        .collect();
    asked.extend(["HashiCorpVault", "Signingserver.gardener.cloud"]);
    asked.extend(["RSA/v1alpha1", "GPG/v1alpha1", "SigstoreSigner/v1alpha1", "SigstoreVerifier/v1alpha1"]);
    assert_eq!(names("consumer-identity"), asked);
}

/// The members that a reader names when it meets one that it does not know.
fn named(error: &str, before: &str, separator: &str) -> BTreeSet<String> {
    let (_, list) = error.split_once(before).unwrap_or_else(|| panic!("{error}"));
    let list = list.lines().next().unwrap().split(" at line").next().unwrap();
    list.split(separator).map(|name| name.trim_matches([' ', '`']).to_owned()).collect()
}

#[test]
fn members_of_resolvers_and_uploads_are_those_that_are_read() {
    let described = |kind: &str, path: &str| -> BTreeSet<String> {
        let known = known("config");
        let schema = known.iter().find(|known| known.names.contains(&kind)).unwrap().to_type().schema;
        Node::new(&schema).at(path).unwrap().fields().into_iter().map(|field| field.name).collect()
    };
    for kind in ["resolvers.config.ocm.software/v1alpha1", "ocm.config.ocm.software/v1"] {
        let text = format!("type: {kind}\nresolvers: [{{repository: {{type: ctf, filePath: x}}, qq: 1}}]\n");
        let document = ocm_config::Document::read("c.yaml", &text).unwrap();
        let error = ocm_config::Configuration::new([document]).resolvers().unwrap_err().to_string();
        assert_eq!(described(kind, "resolvers"), named(&error, "known are ", ", "));
    }
    let rule = |text: &str| {
        let error = serde_json::from_str::<ocm_transfer::Rule>(text).unwrap_err().to_string();
        named(&error, "expected ", ", ")
            .into_iter()
            .flat_map(|name| -> Vec<String> {
                name.trim_start_matches("one of ")
                    .split(" or ")
                    .map(|name| name.trim_matches([' ', '`']).to_owned())
                    .collect()
            })
            .collect::<BTreeSet<String>>()
    };
    let kind = "transfer.config.ocm.software/v1alpha1";
    assert_eq!(described(kind, "uploads"), rule(r#"{"qq": 1}"#));
    assert_eq!(described(kind, "uploads.match"), rule(r#"{"match": {"qq": 1}}"#));
    assert_eq!(described(kind, "uploads.target"), rule(r#"{"target": {"qq": 1}}"#));
}
