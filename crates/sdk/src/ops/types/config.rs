use super::field::{Known, any, number_or_text, object, objects, text, texts, truth};

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
            objects("consumers", "Each has identities (or one identity) and credentials."),
            objects("repositories", "Each has a repository, of a type of the subsystem credential-repository."),
        ],
    ),
    Known::additional(
        &["resolvers.config.ocm.software/v1alpha1", "resolvers.config.ocm.software"],
        "Resolvers",
        "Where component versions are found, by patterns of their names.",
        &[objects("resolvers", "Each has a repository, a componentNamePattern, and may have a versionConstraint.")],
    ),
    Known::additional(
        &["ocm.config.ocm.software/v1", "ocm.config.ocm.software"],
        "Fallback resolvers",
        "Where component versions are looked for, in the words of the older program.",
        &[
            objects("resolvers", "Each has a repository, and may have a prefix and a priority."),
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
            objects("uploads", "Rules that say under which names images are stored."),
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
        &[objects("spec", "Each has a resource, may have a referencePath, and says where the image goes in oci.")],
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
