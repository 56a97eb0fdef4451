use super::field::{Known, Member, text};

macro_rules! consumer {
    ($names:expr, $title:literal, $description:literal, $members:expr) => {
        Known {
            names: $names,
            order: &[],
            schema: "",
            title: $title,
            description: $description,
            members: $members,
            is_additional: true,
        }
    };
}

/// What most consumers are told apart by.
const PLACE: &[Member] = &[
    text("hostname", "Host."),
    text("port", "Port; without it, any."),
    text("scheme", "http, https or oci; without it, any."),
    text("path", "Path, or a glob for paths; the longest that fits wins."),
];

/// Who credentials in the configuration may be for.
pub(super) const TYPES: &[Known] = &[
    consumer!(&["OCIRegistry"], "OCI registry", "A registry, or a part of one.", PLACE),
    consumer!(&["HelmChartRepository"], "Helm repository", "A repository of charts.", PLACE),
    consumer!(&["Wget", "wget"], "Web server", "A web server.", PLACE),
    consumer!(&["GitHubRepository", "Github"], "GitHub", "A repository of GitHub.", PLACE),
    consumer!(&["S3Bucket", "S3"], "S3", "A bucket of an S3 service.", PLACE),
    consumer!(&["NpmRegistry", "Registry.npmjs.com"], "npm registry", "A registry of npm packages.", PLACE),
    consumer!(&["MavenRepository"], "Maven repository", "A Maven repository.", PLACE),
    consumer!(&["HashiCorpVault"], "HashiCorp Vault", "A server of HashiCorp Vault.", PLACE),
    consumer!(&["Signingserver.gardener.cloud"], "Signing service", "A service that signs.", PLACE),
    consumer!(
        &["RSA/v1alpha1"],
        "RSA keys",
        "Keys that sign and verify.",
        &[
            text("algorithm", "Algorithm: RSASSA-PSS or RSASSA-PKCS1-V1_5."),
            text("signature", "Name of the signature."),
        ]
    ),
    consumer!(
        &["GPG/v1alpha1"],
        "OpenPGP keys",
        "Keys that sign and verify.",
        &[text("signature", "Name of the signature.")]
    ),
    consumer!(
        &["SigstoreSigner/v1alpha1"],
        "Sigstore signer",
        "Who signs with Sigstore.",
        &[
            text("signature", "Name of the signature."),
            text("issuer", "Who vouches for the identity."),
            text("clientID", "Name of this program there."),
        ]
    ),
    consumer!(
        &["SigstoreVerifier/v1alpha1"],
        "Sigstore verifier",
        "What Sigstore signatures are verified with.",
        &[text("signature", "Name of the signature.")]
    ),
];
