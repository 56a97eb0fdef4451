use super::field::{
    Known, Member, any, choice, entries, fields, number, number_or_text, object, objects, text, texts, texts_by_name,
    truth,
};

const REPOSITORY: Member =
    object("repository", "The repository, of a type of the subsystem ocm-repository.").required();

/// Where component versions are found, by patterns.
pub(super) const RESOLVER: &[Member] = &[
    REPOSITORY,
    text("componentNamePattern", "Glob for names of components; without it, all. A * crosses slashes."),
    text("versionConstraint", "Constraint for versions, such as \">=1.0.0 <2.0.0\"; without it, all."),
];

/// The same in the words of the older program.
pub(super) const FALLBACK: &[Member] = &[
    REPOSITORY,
    text("prefix", "Beginning of the names of components, up to a slash; without it, all."),
    number("priority", "The highest is asked first; 10 by default."),
];

/// Which images get which names.
pub(super) const UPLOAD: &[Member] = &[
    fields("match", MATCH, "Which images; what is not said fits anything."),
    fields("target", PLACEMENT, "What they get.").required(),
];

pub(super) const MATCH: &[Member] = &[
    text("component", "Name of the component, which may contain * and ?."),
    text("version", "Version of the component, the same way."),
    text("resource", "Name of the resource, the same way."),
    text("type", "Type of the resource, the same way."),
    text("access", "Type of its access, with or without its version."),
    text("reference", "Where the image is now, the same way."),
    texts_by_name("identity", "More of the identity of the resource."),
];

pub(super) const PLACEMENT: &[Member] = &[
    text("registry", "Host of the target registry; it must be the one of the target."),
    text(
        "repository",
        "Name of the repository, a template; relative to the target, or to the registry where that is named.",
    ),
    text("tag", "Tag, a template."),
    choice("uploadAs", &["localBlob", "ociArtifact"], "How it is stored."),
];

/// The same in the words of the older program.
pub(super) const OVERRIDE: &[Member] = &[
    objects(
        "referencePath",
        "The references that lead to the component of the resource, by identity; none for itself.",
    ),
    texts_by_name("resource", "Identity of the resource.").required(),
    fields("oci", OCI_TARGET, "Where it goes.").required(),
];

pub(super) const OCI_TARGET: &[Member] = &[
    text("registry", "Host of the registry; it must be the one of the target."),
    text("repository", "Name of the repository."),
    text("tag", "Tag."),
];

const CONSUMER: &[Member] = &[
    objects("identities", "Who the credentials are for, of types of the subsystem consumer-identity."),
    object("identity", "The same for one."),
    objects("credentials", "The credentials, of types of the subsystem credentials."),
];

/// Entries of configuration files.
pub(super) const TYPES: &[Known] = &[
    Known::additional(
        &["generic.config.ocm.software/v1", "generic.config.ocm.software"],
        "Configuration",
        "A file with several entries.",
        &[objects("configurations", "The entries.")],
    ),
    Known::additional(
        &["credentials.config.ocm.software/v1", "credentials.config.ocm.software"],
        "Credentials",
        "Credentials, and where more of them come from.",
        &[
            entries("consumers", CONSUMER, "Who gets which credentials."),
            entries(
                "repositories",
                &[object("repository", "The repository, of a type of the subsystem credential-repository.").required()],
                "Where more credentials are from.",
            ),
        ],
    ),
    Known::additional(
        &["resolvers.config.ocm.software/v1alpha1", "resolvers.config.ocm.software"],
        "Resolvers",
        "Where component versions are found, by patterns of their names.",
        &[entries("resolvers", RESOLVER, "The first that fits decides.")],
    ),
    Known::additional(
        &["ocm.config.ocm.software/v1", "ocm.config.ocm.software"],
        "Fallback resolvers",
        "Where component versions are looked for, in the words of the older program.",
        &[
            entries("resolvers", FALLBACK, "All that fit are asked, one after the other."),
            object("aliases", "Short names of repositories."),
        ],
    ),
    Known::additional(
        &["http.config.ocm.software/v1alpha1", "http.config.ocm.software"],
        "Connections",
        "How connections are made.",
        &[
            text("timeout", "How long a request may take: 30s, 5m; 0s is without limit."),
            text("tcpDialTimeout", "How long a connection may take."),
            text("tcpKeepAlive", "Time between signs of life; negative for none."),
            text("tlsHandshakeTimeout", "How long TLS may take."),
            text("responseHeaderTimeout", "How long the first byte of an answer may take."),
            text("idleConnTimeout", "How long unused connections are kept."),
            truth("insecureSkipVerify", "Whether certificates are not checked."),
            object("retry", "maxRetries, minWait and maxWait."),
            text("certificateAuthority", "File with certificate authorities, beside those of the system."),
            text("certificateAuthorityData", "The same, in base64."),
            text("clientCertificate", "File with the certificate of the client."),
            text("clientCertificateData", "The same, in base64."),
            text("clientKey", "File with the key of the client."),
            text("clientKeyData", "The same, in base64."),
            object("hosts", "The same members for single hosts, by host or host:port."),
        ],
    ),
    Known::additional(
        &["transfer.config.ocm.software/v1alpha1", "transfer.config.ocm.software"],
        "Transfers",
        "What transfers do when no flag says otherwise.",
        &[
            number_or_text("recursive", "-1 for everything that is referred to, 0 for nothing."),
            text("copyMode", "localBlob or allResources."),
            text("uploadType", "localBlob or ociArtifact."),
            entries(
                "uploads",
                UPLOAD,
                "Rules that say under which names images are stored; the first that fits counts.",
            ),
        ],
    ),
    Known::additional(
        &["transport.ocm.config.ocm.software/v1", "transport.ocm.config.ocm.software"],
        "Transfers of the older program",
        "What transfers do when no flag says otherwise, in the words of the older program.",
        &[
            truth("recursive", "Whether everything that is referred to goes along."),
            truth("resourcesByValue", "Whether the content of resources goes along."),
            truth("localResourcesByValue", "Whether the content of local resources goes along."),
            truth("sourcesByValue", "Whether the content of sources goes along."),
            truth("overwrite", "Whether a version that the target has with other content is replaced."),
            texts("omitAccessTypes", "Access types whose content stays where it is."),
        ],
    ),
    Known::additional(
        &["OCIImageReferenceOverride/v1alpha1", "OCIImageReferenceOverride"],
        "Image references",
        "Under which names single images are stored.",
        &[entries("spec", OVERRIDE, "Where single images go.")],
    ),
    Known::additional(
        &["oci.uploader.config.ocm.software/v1", "oci.uploader.config.ocm.software"],
        "Uploads of images",
        "How images are stored, in the words of the older program.",
        &[truth("preferRelativeAccess", "Whether addresses are relative to the registry; here they always are.")],
    ),
    Known::additional(
        &[
            "oci.config.ocm.software/v1",
            "oci.config.ocm.software",
            "ocm.cmd.config.ocm.software/v1",
            "ocm.cmd.config.ocm.software",
            "cli.ocm.config.ocm.software/v1",
            "cli.ocm.config.ocm.software",
        ],
        "Short names",
        "Short names of repositories, in the words of the older program.",
        &[
            object("aliases", "Repositories by their short names."),
            object("ocmRepositories", "The same."),
            object("ociRepositories", "The same."),
        ],
    ),
    Known::additional(
        &["logging.config.ocm.software/v1", "logging.config.ocm.software"],
        "Log",
        "How much is logged, in the words of the older program.",
        &[object("settings", "defaultLevel: debug, info, warn or error.")],
    ),
    Known::additional(
        &["hasher.config.ocm.software/v1", "hasher.config.ocm.software"],
        "Hash",
        "The hash of digests, in the words of the older program.",
        &[text("hashAlgorithm", "SHA-256 or SHA-512.")],
    ),
    Known::additional(
        &["attributes.config.ocm.software/v1", "attributes.config.ocm.software"],
        "Attributes",
        "Settings by name, in the words of the older program.",
        &[object("attributes", "Values by the names of attributes.")],
    ),
    Known::additional(
        &["versioncheck.cli.config.ocm.software/v1alpha1", "versioncheck.cli.config.ocm.software"],
        "Version check",
        "Whether newer versions of the program are looked for; this one never looks.",
        &[],
    ),
    Known::additional(
        &["signing.config.ocm.software/v1alpha1", "signing.config.ocm.software"],
        "Signatures",
        "How to sign and verify.",
        &[
            text("signature", "Name of the signature this is for; without it, all."),
            object("signer", "A specification of the subsystem signing."),
            object("verifier", "A specification of the subsystem signing."),
        ],
    ),
    Known::additional(
        &["plugin.config.ocm.software/v2alpha1", "plugin.config.ocm.software"],
        "Plugins",
        "Where plugins are.",
        &[
            text("idleTimeout", "How long a plugin waits for work before it ends itself."),
            texts("locations", "Folders, from the folder of the file."),
        ],
    ),
    Known::additional(
        &["filesystem.config.ocm.software/v1alpha1", "filesystem.config.ocm.software"],
        "Folders",
        "Where files are.",
        &[
            text("tempFolder", "Folder for temporary files."),
            text("workingDirectory", "Folder that relative paths are meant from."),
        ],
    ),
    Known::additional(
        &[
            "keys.config.ocm.software/v1",
            "keys.config.ocm.software",
            "rootcerts.config.ocm.software",
            "rootcerts.config.ocm.software/v1",
        ],
        "Keys",
        "Keys and root certificates, in the words of the older program.",
        &[
            any("publicKeys", "Public keys by the name of their signature."),
            any("privateKeys", "Private keys by the name of their signature."),
            any("rootCertificates", "Root certificates."),
            object("issuers", "Who has to have issued a certificate, by the name of the signature."),
        ],
    ),
];
