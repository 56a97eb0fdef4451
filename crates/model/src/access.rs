//! Where the content of a resource or source is, for the access types both older programs know.

use serde_json::Value;

use crate::TypedObject;

/// An access read by its type, under any of the names in use for it.
///
/// Members a descriptor lacks are empty texts; who fetches the content says what is missing. The object itself stays the
/// truth: what is written back is it, never this.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Access {
    /// A blob or an OCI artifact kept with the component version (`LocalBlob`, `localBlob`).
    LocalBlob {
        /// Digest of the blob, with `:` or, in component archives, with `.`; several, separated by commas, for a blob
        /// stored in parts.
        local_reference: String,
        /// Media type of the content.
        media_type: String,
        /// Name the content gets when it is moved into a registry.
        reference_name: Option<String>,
        /// Another access to the same content.
        global_access: Option<TypedObject>,
    },
    /// An OCI image or another OCI artifact (`OCIImage`, `ociArtifact`, `ociRegistry`, `ociImage`).
    OciImage {
        /// Reference with tag, digest, or both.
        image_reference: String,
    },
    /// A single layer in a registry (`OCIImageLayer`, `ociBlob`).
    OciLayer {
        /// Repository the layer is in.
        reference: String,
        /// Media type.
        media_type: Option<String>,
        /// Digest of the layer.
        digest: String,
        /// Its size in bytes.
        size: Option<u64>,
    },
    /// An OCI artifact relative to the repository the descriptor is in (`relativeOciReference`).
    RelativeOci {
        /// `repository:tag@digest` below the base and sub path of the repository.
        reference: String,
    },
    /// A layer of the component version's own manifest (`localOciBlob`, legacy).
    LocalOciBlob {
        /// Digest of the layer.
        digest: String,
    },
    /// A file or folder of a component archive (`localFilesystemBlob`, legacy).
    LocalFilesystemBlob {
        /// Name below the archive's blobs.
        file_name: String,
        /// Media type.
        media_type: String,
    },
    /// No content (`none`).
    None,
    /// A chart in a Helm repository (`Helm`, `helm`).
    Helm {
        /// Address of the repository.
        repository: String,
        /// Name of the chart, with its version behind a colon or without.
        chart: String,
        /// Version of the chart when it is not part of its name.
        version: Option<String>,
    },
    /// A commit on GitHub (`GitHub`, `gitHub`, `github`).
    GitHub {
        /// Address of the repository.
        repository: String,
        /// Host of the API, for GitHub Enterprise.
        api_hostname: Option<String>,
        /// Commit.
        commit: Option<String>,
        /// Branch or tag.
        reference: Option<String>,
    },
    /// A git repository (`git`).
    Git {
        /// Address of the repository.
        repository: String,
        /// Commit.
        commit: Option<String>,
        /// Branch or tag.
        reference: Option<String>,
    },
    /// A file behind an address (`Wget`, `wget`).
    Wget {
        /// Address.
        url: String,
        /// Media type.
        media_type: Option<String>,
    },
    /// An object in S3 (`S3`, `s3`, `S3Bucket`, `s3Bucket`).
    S3 {
        /// Region.
        region: Option<String>,
        /// Bucket.
        bucket: String,
        /// Key of the object.
        key: String,
        /// Version of the object.
        version: Option<String>,
        /// Media type.
        media_type: Option<String>,
        /// Address of the service when it is not Amazon's.
        endpoint: Option<String>,
    },
    /// A package in an npm registry (`npm`).
    Npm {
        /// Address of the registry.
        registry: String,
        /// Name of the package.
        package: String,
        /// Version of the package.
        version: String,
    },
    /// Files in a Maven repository (`maven`).
    Maven {
        /// Address of the repository.
        repository: String,
        /// Group.
        group_id: String,
        /// Artifact.
        artifact_id: String,
        /// Version.
        version: String,
        /// Classifier.
        classifier: Option<String>,
        /// Extension.
        extension: Option<String>,
    },
    /// A file of the machine that made the component (`File`).
    File {
        /// Where it was.
        uri: String,
        /// Media type.
        media_type: Option<String>,
        /// Digest.
        digest: Option<String>,
    },
    /// A type that is not known here.
    Other,
}

impl Access {
    /// The names of all types that are known, each with the versions that may stand behind them.
    pub const NAMES: [(&[&str], &[&str]); 15] = [
        (&["LocalBlob", "localBlob"], &["v1"]),
        (&["OCIImage", "ociImage", "ociArtifact", "OCIArtifact", "ociRegistry", "ociArtefact"], &["v1"]),
        (&["OCIImageLayer", "ociImageLayer", "ociBlob"], &["v1"]),
        (&["relativeOciReference"], &["v1"]),
        (&["localOciBlob"], &["v1"]),
        (&["localFilesystemBlob"], &["v1"]),
        (&["none", "None"], &["v1"]),
        (&["Helm", "helm"], &["v1"]),
        (&["GitHub", "gitHub", "github"], &["v1"]),
        (&["git", "Git"], &["v1", "v1alpha1"]),
        (&["Wget", "wget"], &["v1"]),
        (&["S3", "s3", "S3Bucket", "s3Bucket"], &["v1", "v2"]),
        (&["npm", "NPM"], &["v1"]),
        (&["maven", "Maven"], &["v1"]),
        (&["File", "file"], &["v1alpha1", "v1"]),
    ];

    /// Reads an access. Names of members count in any case, as they do for the Go programs.
    pub fn of(object: &TypedObject) -> Self {
        let maybe = |key: &str| object.text(key).filter(|text| !text.is_empty()).map(str::to_owned);
        let text = |key: &str| maybe(key).unwrap_or_default();
        let (name, version) = match object.kind.split_once('/') {
            Some((name, version)) => (name, Some(version)),
            None => (object.kind.as_str(), None),
        };
        let known = Self::NAMES.iter().find(|(names, versions)| {
            names.contains(&name) && version.is_none_or(|version| versions.contains(&version))
        });
        let known = known.and_then(|(names, _)| names.first().copied());
        match known {
            Some("LocalBlob") => Self::LocalBlob {
                local_reference: text("localReference"),
                media_type: text("mediaType"),
                reference_name: maybe("referenceName"),
                global_access: object
                    .member("globalAccess")
                    .and_then(|access| serde_json::from_value(access.clone()).ok()),
            },
            Some("OCIImage") => Self::OciImage { image_reference: text("imageReference") },
            Some("OCIImageLayer") => Self::OciLayer {
                // One document calls it imageReference; none of the programs does.
                reference: maybe("ref").or_else(|| maybe("imageReference")).unwrap_or_default(),
                media_type: maybe("mediaType"),
                digest: text("digest"),
                size: object.member("size").and_then(Value::as_u64),
            },
            Some("relativeOciReference") => Self::RelativeOci { reference: text("reference") },
            Some("localOciBlob") => Self::LocalOciBlob { digest: text("digest") },
            Some("localFilesystemBlob") => {
                Self::LocalFilesystemBlob { file_name: text("fileName"), media_type: text("mediaType") }
            }
            Some("none") => Self::None,
            Some("Helm") => {
                Self::Helm { repository: text("helmRepository"), chart: text("helmChart"), version: maybe("version") }
            }
            Some("GitHub") => Self::GitHub {
                repository: text("repoUrl"),
                api_hostname: maybe("apiHostname"),
                commit: maybe("commit"),
                reference: maybe("ref"),
            },
            Some("git") => {
                Self::Git { repository: text("repository"), commit: maybe("commit"), reference: maybe("ref") }
            }
            Some("Wget") => Self::Wget { url: text("url"), media_type: maybe("mediaType") },
            Some("S3") => Self::S3 {
                region: maybe("region"),
                bucket: maybe("bucketName").or_else(|| maybe("bucket")).unwrap_or_default(),
                key: maybe("objectKey").or_else(|| maybe("key")).unwrap_or_default(),
                version: maybe("version"),
                media_type: maybe("mediaType"),
                endpoint: maybe("endpoint"),
            },
            Some("npm") => Self::Npm { registry: text("registry"), package: text("package"), version: text("version") },
            Some("maven") => Self::Maven {
                repository: text("repoUrl"),
                group_id: text("groupId"),
                artifact_id: text("artifactId"),
                version: text("version"),
                classifier: maybe("classifier"),
                extension: maybe("extension"),
            },
            Some("File") => Self::File { uri: text("uri"), media_type: maybe("mediaType"), digest: maybe("digest") },
            _ => Self::Other,
        }
    }
}
