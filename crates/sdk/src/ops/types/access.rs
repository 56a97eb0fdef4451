use super::field::{Known, Member, any, number, text, texts_by_name, truth};

/// What a web server is asked, as an access and as an input.
pub(super) const WGET: &[Member] = &[
    text("url", "The address.").required(),
    text("mediaType", "Media type; without it, what the server says."),
    texts_by_name("header", "Headers of the request; each may have a list of texts."),
    text("verb", "Method of the request; GET by default."),
    text("body", "Body of the request, in base64."),
    truth("noRedirect", "Whether redirects are refused."),
];

/// Accesses of the Go program.
pub(super) const TYPES: &[Known] = &[
    Known {
        names: &["GitHub/v1", "GitHub", "gitHub", "gitHub/v1", "github", "github/v1"],
        order: &["GitHub/v1", "GitHub", "github/v1", "github", "gitHub/v1", "gitHub"],
        schema: "github/spec/access/v1/schemas/GitHub",
        title: "GitHub",
        description: "A commit of a GitHub repository, as an archive.",
        members: &[
            text("repoUrl", "Address of the repository.").required(),
            text("commit", "The commit."),
            text("ref", "A branch or tag; its commit is looked up when the component version is made."),
            text("apiHostname", "Host of the API, for GitHub Enterprise."),
        ],
        is_additional: false,
    },
    Known {
        names: &["Helm/v1", "Helm", "helm", "helm/v1"],
        order: &["Helm/v1", "helm/v1", "Helm", "helm"],
        schema: "helm/spec/access/v1/schemas/Helm",
        title: "Helm",
        description: "A chart of a Helm repository.",
        members: &[
            text("helmRepository", "Address of the repository; oci:// for a registry.").required(),
            text("helmChart", "Name of the chart; its version may follow behind a colon.").required(),
            text("version", "Version of the chart."),
            text("caCert", "Certificate authority of the repository, as PEM text."),
            text("keyring", "Keys that the provenance of the chart is checked with, as text."),
        ],
        is_additional: false,
    },
    Known {
        names: &[
            "OCIImage/v1",
            "OCIImage",
            "ociArtifact",
            "ociArtifact/v1",
            "ociImage",
            "ociImage/v1",
            "ociRegistry",
            "ociRegistry/v1",
        ],
        order: &[
            "OCIImage/v1",
            "ociArtifact/v1",
            "ociRegistry/v1",
            "ociImage/v1",
            "OCIImage",
            "ociArtifact",
            "ociRegistry",
            "ociImage",
        ],
        schema: "oci/spec/access/v1/schemas/OCIImage",
        title: "OCIImage",
        description: "OCIImage describes the access for a oci registry.",
        members: &[text(
            "imageReference",
            "ImageReference is the actual reference to the oci image repository and tag.",
        )
        .required()],
        is_additional: false,
    },
    Known {
        names: &["OCIImageLayer/v1", "OCIImageLayer", "ociBlob", "ociBlob/v1"],
        order: &["OCIImageLayer/v1", "ociBlob/v1", "OCIImageLayer", "ociBlob"],
        schema: "oci/spec/access/v1/schemas/OCIImageLayer",
        title: "OCIImageLayer",
        description: "A single blob of a registry.",
        members: &[
            text("ref", "The repository.").required(),
            text("mediaType", "Media type of the blob."),
            text("digest", "Its digest.").required(),
            number("size", "Its size in bytes.").required(),
        ],
        is_additional: false,
    },
    Known {
        names: &["Wget/v1", "Wget", "wget", "wget/v1"],
        order: &["Wget/v1", "wget/v1", "Wget", "wget"],
        schema: "wget/spec/access/v1/schemas/Wget",
        title: "Wget",
        description: "What a web server answers.",
        members: WGET,
        is_additional: false,
    },
];

/// Content with the component version, or none: whoever makes component versions does not write these.
pub(super) const LOCAL: &[Known] = &[
    Known {
        names: &["LocalBlob/v1", "LocalBlob", "localBlob", "localBlob/v1"],
        order: &[],
        schema: "descriptor/v2/schemas/LocalBlob",
        title: "LocalBlob",
        description: "Content that is stored with the component version.",
        members: &[
            text("localReference", "Digest of the content.").required(),
            text("mediaType", "Media type of the content.").required(),
            text("referenceName", "Name that an image gets in a registry."),
            any("globalAccess", "Another access to the same content."),
        ],
        is_additional: true,
    },
    Known {
        names: &["relativeOciReference/v1", "relativeOciReference"],
        order: &[],
        schema: "",
        title: "Relative OCI reference",
        description: "An image beside the component version, in the same registry.",
        members: &[text("reference", "The image, from the path of the repository on.").required()],
        is_additional: true,
    },
    Known {
        names: &["none", "none/v1", "None", "None/v1"],
        order: &[],
        schema: "",
        title: "None",
        description: "No content.",
        members: &[],
        is_additional: true,
    },
];

/// Accesses of component versions that older programs made.
pub(super) const OLDER: &[Known] = &[
    Known {
        names: &["localOciBlob", "localOciBlob/v1"],
        order: &[],
        schema: "",
        title: "Local OCI blob",
        description: "A layer of the component version itself.",
        members: &[text("digest", "Digest of the content.").required()],
        is_additional: true,
    },
    Known {
        names: &["localFilesystemBlob", "localFilesystemBlob/v1"],
        order: &[],
        schema: "",
        title: "Local file",
        description: "A file of a component archive.",
        members: &[
            text("fileName", "Name of the file below blobs.").required(),
            text("mediaType", "Media type of the content."),
        ],
        is_additional: true,
    },
    Known {
        names: &["File/v1alpha1", "File", "file", "File/v1"],
        order: &[],
        schema: "",
        title: "File",
        description: "A file of the machine that made the component version; it is recorded, and never read.",
        members: &[
            text("uri", "Where it was.").required(),
            text("mediaType", "Media type of the content."),
            text("digest", "Digest of the content."),
        ],
        is_additional: true,
    },
];

/// Content elsewhere that only this program and the older one reach.
pub(super) const ELSEWHERE: &[Known] = &[
    Known {
        names: &["S3Bucket/v1", "S3Bucket", "s3Bucket", "s3Bucket/v1"],
        order: &[],
        schema: "s3/spec/access/v1/schemas/S3Bucket",
        title: "S3Bucket",
        description: "An object of an S3 service.",
        members: &[
            text("bucketName", "The bucket.").required(),
            text("objectKey", "Key of the object.").required(),
            text("region", "Region of the bucket."),
            text("version", "Version of the object."),
            text("mediaType", "Media type of the content."),
            text("endpoint", "Address of the service; without it, the one of AWS."),
            truth("usePathStyle", "Whether the bucket stands in the path of addresses, not in the host."),
        ],
        is_additional: true,
    },
    Known {
        names: &["S3/v2", "s3", "S3", "s3/v1", "S3/v1", "s3/v2"],
        order: &[],
        schema: "",
        title: "S3",
        description: "An object of an S3 service, in the words of the older program.",
        members: &[
            text("bucketName", "The bucket (bucket in v1).").required(),
            text("objectKey", "Key of the object (key in v1).").required(),
            text("region", "Region of the bucket."),
            text("version", "Version of the object."),
            text("mediaType", "Media type of the content."),
        ],
        is_additional: true,
    },
    Known {
        names: &["npm/v1", "npm"],
        order: &[],
        schema: "",
        title: "npm",
        description: "A package of an npm registry.",
        members: &[
            text("registry", "Address of the registry.").required(),
            text("package", "Name of the package.").required(),
            text("version", "Version of the package.").required(),
        ],
        is_additional: true,
    },
    Known {
        names: &["maven/v1", "maven"],
        order: &[],
        schema: "",
        title: "Maven",
        description: "Files of a Maven repository.",
        members: &[
            text("repoUrl", "Address of the repository.").required(),
            text("groupId", "Group.").required(),
            text("artifactId", "Artifact.").required(),
            text("version", "Version.").required(),
            text("classifier", "Classifier; without it, all files."),
            text("extension", "Extension; without it, all files."),
        ],
        is_additional: true,
    },
    Known {
        names: &["git/v1", "git", "Git", "Git/v1alpha1", "git/v1alpha1"],
        order: &[],
        schema: "",
        title: "Git",
        description: "A commit of a git repository; it is recorded, and its content is left where it is.",
        members: &[
            text("repository", "Address of the repository.").required(),
            text("ref", "A branch or tag."),
            text("commit", "The commit."),
        ],
        is_additional: true,
    },
];
