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

/// Of a chart, as an access and as an input.
pub(super) const CHART_VERSION: Member = text("version", "Version of the chart.");
pub(super) const CHART_AUTHORITY: Member = text("caCert", "Certificate authority of the repository, as PEM text.");

/// Accesses of the Go program.
pub(super) const TYPES: &[Known] = &[
    Known::listed(
        &["GitHub/v1", "GitHub", "gitHub", "gitHub/v1", "github", "github/v1"],
        "github/spec/access/v1/schemas/GitHub",
        "GitHub",
        "A commit of a GitHub repository, as an archive.",
        &[
            text("repoUrl", "Address of the repository.").required(),
            text("commit", "The commit."),
            text("ref", "A branch or tag; its commit is looked up when the component version is made."),
            text("apiHostname", "Host of the API, for GitHub Enterprise."),
        ],
    )
    .in_order(&["GitHub/v1", "GitHub", "github/v1", "github", "gitHub/v1", "gitHub"]),
    Known::listed(
        &["Helm/v1", "Helm", "helm", "helm/v1"],
        "helm/spec/access/v1/schemas/Helm",
        "Helm",
        "A chart of a Helm repository.",
        &[
            text(
                "helmRepository",
                "Address of the repository; oci:// for a registry, oci+http:// for one without TLS.",
            )
            .required(),
            text("helmChart", "Name of the chart; its version may follow behind a colon.").required(),
            CHART_VERSION,
            CHART_AUTHORITY,
            text("keyring", "Keys that the provenance of the chart is checked with, as text."),
        ],
    )
    .in_order(&["Helm/v1", "helm/v1", "Helm", "helm"]),
    Known::listed(
        &[
            "OCIImage/v1",
            "OCIImage",
            "ociArtifact",
            "ociArtifact/v1",
            "ociImage",
            "ociImage/v1",
            "ociRegistry",
            "ociRegistry/v1",
        ],
        "oci/spec/access/v1/schemas/OCIImage",
        "OCIImage",
        "OCIImage describes the access for a oci registry.",
        &[text("imageReference", "ImageReference is the actual reference to the oci image repository and tag.")
            .required()],
    )
    .in_order(&[
        "OCIImage/v1",
        "ociArtifact/v1",
        "ociRegistry/v1",
        "ociImage/v1",
        "OCIImage",
        "ociArtifact",
        "ociRegistry",
        "ociImage",
    ]),
    Known::listed(
        &["OCIImageLayer/v1", "OCIImageLayer", "ociBlob", "ociBlob/v1"],
        "oci/spec/access/v1/schemas/OCIImageLayer",
        "OCIImageLayer",
        "A single blob of a registry.",
        &[
            text("ref", "The repository.").required(),
            text("mediaType", "Media type of the blob."),
            text("digest", "Its digest.").required(),
            number("size", "Its size in bytes.").required(),
        ],
    )
    .in_order(&["OCIImageLayer/v1", "ociBlob/v1", "OCIImageLayer", "ociBlob"]),
    Known::listed(
        &["Wget/v1", "Wget", "wget", "wget/v1"],
        "wget/spec/access/v1/schemas/Wget",
        "Wget",
        "What a web server answers.",
        WGET,
    )
    .in_order(&["Wget/v1", "wget/v1", "Wget", "wget"]),
];

/// Content with the component version, or none: whoever makes component versions does not write these.
pub(super) const LOCAL: &[Known] = &[
    Known::additional(
        &["LocalBlob/v1", "LocalBlob", "localBlob", "localBlob/v1"],
        "LocalBlob",
        "Content that is stored with the component version.",
        &[
            text("localReference", "Digest of the content.").required(),
            text("mediaType", "Media type of the content.").required(),
            text("referenceName", "Name that an image gets in a registry."),
            any("globalAccess", "Another access to the same content."),
        ],
    )
    .under("descriptor/v2/schemas/LocalBlob"),
    Known::additional(
        &["relativeOciReference/v1", "relativeOciReference"],
        "Relative OCI reference",
        "An image beside the component version, in the same registry.",
        &[text("reference", "The image, from the path of the repository on.").required()],
    ),
    Known::additional(&["none", "none/v1", "None", "None/v1"], "None", "No content.", &[]),
];

/// Accesses of component versions that older programs made.
pub(super) const OLDER: &[Known] = &[
    Known::additional(
        &["localOciBlob", "localOciBlob/v1"],
        "Local OCI blob",
        "A layer of the component version itself.",
        &[text("digest", "Digest of the content.").required()],
    ),
    Known::additional(
        &["localFilesystemBlob", "localFilesystemBlob/v1"],
        "Local file",
        "A file of a component archive.",
        &[
            text("fileName", "Name of the file below blobs.").required(),
            text("mediaType", "Media type of the content."),
        ],
    ),
    Known::additional(
        &["File/v1alpha1", "File", "file", "File/v1"],
        "File",
        "A file of the machine that made the component version; it is recorded, and never read.",
        &[
            text("uri", "Where it was.").required(),
            text("mediaType", "Media type of the content."),
            text("digest", "Digest of the content."),
        ],
    ),
];

/// Content elsewhere that only this program and the older one reach.
pub(super) const ELSEWHERE: &[Known] = &[
    Known::additional(
        &["S3Bucket/v1", "S3Bucket", "s3Bucket", "s3Bucket/v1"],
        "S3Bucket",
        "An object of an S3 service.",
        &[
            text("bucketName", "The bucket.").required(),
            text("objectKey", "Key of the object.").required(),
            text("region", "Region of the bucket."),
            text("version", "Version of the object."),
            text("mediaType", "Media type of the content."),
            text("endpoint", "Address of the service; without it, the one of AWS."),
            truth("usePathStyle", "Whether the bucket stands in the path of addresses, not in the host."),
        ],
    )
    .under("s3/spec/access/v1/schemas/S3Bucket"),
    Known::additional(
        &["S3/v2", "s3", "S3", "s3/v1", "S3/v1", "s3/v2"],
        "S3",
        "An object of an S3 service, in the words of the older program.",
        &[
            text("bucketName", "The bucket (bucket in v1).").required(),
            text("objectKey", "Key of the object (key in v1).").required(),
            text("region", "Region of the bucket."),
            text("version", "Version of the object."),
            text("mediaType", "Media type of the content."),
        ],
    ),
    Known::additional(
        &["npm/v1", "npm"],
        "npm",
        "A package of an npm registry.",
        &[
            text("registry", "Address of the registry.").required(),
            text("package", "Name of the package.").required(),
            text("version", "Version of the package.").required(),
        ],
    ),
    Known::additional(
        &["maven/v1", "maven"],
        "Maven",
        "Files of a Maven repository.",
        &[
            text("repoUrl", "Address of the repository.").required(),
            text("groupId", "Group.").required(),
            text("artifactId", "Artifact.").required(),
            text("version", "Version.").required(),
            text("classifier", "Classifier; without it, all files."),
            text("extension", "Extension; without it, all files."),
        ],
    ),
    Known::additional(
        &["git/v1", "git", "Git", "Git/v1alpha1", "git/v1alpha1"],
        "Git",
        "A commit of a git repository; it is recorded, and its content is left where it is.",
        &[
            text("repository", "Address of the repository.").required(),
            text("ref", "A branch or tag."),
            text("commit", "The commit."),
        ],
    ),
];
