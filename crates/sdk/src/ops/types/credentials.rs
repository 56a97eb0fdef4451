use super::field::{Known, Member, object, text, texts, texts_by_name, truth};

/// In an entry of a consumer, a store gives exactly this credential, whoever it is for.
const NAMED: Member = text("credentialsName", "Name of the one credential that is taken, in an entry of a consumer.");

const PROPAGATE: Member = truth(
    "propagateConsumerIdentity",
    "Has no effect: it is asked for every consumer (for files of the older program).",
);

/// Where credentials come from.
pub(super) const REPOSITORIES: &[Known] = &[
    Known::listed(
        &["DockerConfig/v1", "DockerConfig"],
        "oci/spec/credentials/v1/schemas/DockerConfig",
        "DockerConfig",
        "The configuration of Docker with its credential helpers.",
        &[
            text("dockerConfigFile", "The file."),
            text("dockerConfig", "The content, in place of a file."),
            NAMED,
            PROPAGATE,
        ],
    ),
    Known::additional(
        &["HashiCorpVault/v1", "HashiCorpVault"],
        "HashiCorpVault",
        "A key-value store (version 2) of HashiCorp Vault.",
        &[
            text("serverURL", "Address of the server.").required(),
            text("namespace", "Namespace."),
            text("mountPath", "Where the store is mounted; secret by default."),
            text("path", "Path of the secrets."),
            texts("secrets", "The secrets that are read; without any, all below the path."),
            PROPAGATE,
            NAMED,
        ],
    ),
    Known::additional(
        &["NPMConfig/v1", "NPMConfig"],
        "NPMConfig",
        "The configuration of npm.",
        &[text("npmrcFile", "The file; ~/.npmrc by default."), PROPAGATE, NAMED],
    ),
    Known::additional(
        &["MavenSettings/v1", "MavenSettings"],
        "MavenSettings",
        "The servers in the settings of Maven.",
        &[text("settingsFile", "The file; ~/.m2/settings.xml by default."), NAMED, PROPAGATE],
    ),
];

const USERNAME: Member = text("username", "User name.");
const PASSWORD: Member = text("password", "Password.");

/// Credentials.
pub(super) const TYPES: &[Known] = &[
    Known::additional(
        &["DirectCredentials/v1", "DirectCredentials", "Credentials/v1", "Credentials"],
        "DirectCredentials",
        "Texts by name, whatever they mean to their consumer.",
        &[texts_by_name("properties", "The texts.").required()],
    )
    .under("credentials/spec/config/v1/schemas/DirectCredentials"),
    Known::listed(
        &["OCICredentials/v1", "OCICredentials"],
        "oci/spec/credentials/v1/schemas/OCICredentials",
        "OCICredentials",
        "Who somebody is to a registry.",
        &[
            USERNAME,
            PASSWORD,
            text("accessToken", "A token that is sent as it is."),
            text("refreshToken", "A token that is exchanged for such tokens."),
        ],
    ),
    Known::listed(
        &["HelmHTTPCredentials/v1", "HelmHTTPCredentials"],
        "helm/spec/credentials/v1/schemas/HelmHTTPCredentials",
        "HelmHTTPCredentials",
        "Who somebody is to a repository of charts.",
        &[
            USERNAME,
            PASSWORD,
            text("certFile", "File with the certificate of the client."),
            text("keyFile", "File with its key."),
            text("keyring", "Keys for the provenance of charts."),
            text("certData", "Certificate of the client, as PEM text."),
            text("keyData", "Its key."),
            text("caCert", "Certificate authority of the server, as PEM text."),
            text("caFile", "File with it."),
        ],
    ),
    Known::listed(
        &["WgetCredentials/v1", "WgetCredentials"],
        "wget/spec/credentials/v1/schemas/WgetCredentials",
        "WgetCredentials",
        "Who somebody is to a web server.",
        &[
            USERNAME,
            PASSWORD,
            text("identityToken", "A token that is sent as it is."),
            text("certificate", "Certificate of the client, as PEM text."),
            text("privateKey", "Its key."),
            text("certificateAuthority", "Certificate authority of the server, as PEM text."),
        ],
    ),
    Known::listed(
        &["GitHubCredentials/v1", "GitHubCredentials"],
        "github/spec/credentials/v1/schemas/GitHubCredentials",
        "GitHubCredentials",
        "Who somebody is to GitHub.",
        &[text("token", "The token.")],
    ),
    Known::additional(
        &["S3Credentials/v1", "S3Credentials"],
        "S3Credentials",
        "Who somebody is to an S3 service.",
        &[
            text("accessKeyId", "Name of the key."),
            text("secretAccessKey", "The key."),
            text("sessionToken", "Token of a session."),
        ],
    ),
    Known::listed(
        &["RSACredentials/v1", "RSACredentials"],
        "rsa/spec/credentials/v1/schemas/RSACredentials",
        "RSACredentials",
        "RSA keys and certificates.",
        &[
            text("privateKeyPEM", "Private key, as PEM text."),
            text("privateKeyPEMFile", "File with it."),
            text("publicKeyPEM", "Public key or certificates, as PEM text."),
            text("publicKeyPEMFile", "File with them."),
            text("privateKeyPassphrase", "What the private key is encrypted with."),
            text("privateKeyPassphraseFile", "File with it."),
        ],
    ),
    Known::listed(
        &["GPGCredentials/v1alpha1", "GPGCredentials"],
        "gpg/spec/credentials/v1alpha1/schemas/GPGCredentials",
        "GPGCredentials",
        "OpenPGP keys.",
        &[
            text("privateKeyPGP", "Private key, armored."),
            text("privateKeyPGPFile", "File with it."),
            text("publicKeyPGP", "Public keys, armored."),
            text("publicKeyPGPFile", "File with them."),
            text("passphrase", "What the private key is encrypted with."),
        ],
    ),
    Known::listed(
        &["OIDCIdentityToken/v1alpha1", "OIDCIdentityToken"],
        "sigstore/spec/credentials/oidcidentitytoken/v1alpha1/schemas/OIDCIdentityToken",
        "OIDCIdentityToken",
        "A token that says who signs (Sigstore).",
        &[text("token", "The token."), text("tokenFile", "File with it.")],
    ),
    Known::listed(
        &["TrustedRoot/v1alpha1", "TrustedRoot"],
        "sigstore/spec/credentials/trustedroot/v1alpha1/schemas/TrustedRoot",
        "TrustedRoot",
        "Certificate authorities and logs that are trusted (Sigstore).",
        &[object("trustedRootJSON", "The document."), text("trustedRootJSONFile", "File with it.")],
    ),
];
