use super::field::{Known, Member, text};

/// What most consumers are told apart by.
const PLACE: &[Member] = &[HOSTNAME, PORT, SCHEME, PATH];

const HOSTNAME: Member = text("hostname", "Host.");
const PORT: Member = text("port", "Port; without it, any.");
const SCHEME: Member = text("scheme", "http, https or oci; without it, any.");
const PATH: Member = text("path", "Path, or a glob for paths; the longest that fits wins.");

/// Who credentials in the configuration may be for.
pub(super) const TYPES: &[Known] = &[
    Known::additional(&["OCIRegistry"], "OCI registry", "A registry, or a part of one.", PLACE),
    Known::additional(&["HelmChartRepository"], "Helm repository", "A repository of charts.", PLACE),
    Known::additional(&["Wget", "wget"], "Web server", "A web server.", PLACE),
    Known::additional(&["GitHubRepository", "Github"], "GitHub", "A repository of GitHub.", PLACE),
    Known::additional(&["S3Bucket", "S3"], "S3", "A bucket of an S3 service.", PLACE),
    Known::additional(&["NpmRegistry", "Registry.npmjs.com"], "npm registry", "A registry of npm packages.", PLACE),
    Known::additional(&["MavenRepository"], "Maven repository", "A Maven repository.", PLACE),
    Known::additional(
        &["HashiCorpVault"],
        "HashiCorp Vault",
        "A server of HashiCorp Vault.",
        &[
            HOSTNAME,
            PORT,
            SCHEME,
            PATH,
            text("namespace", "Namespace of the store."),
            text("secretEngine", "Where the store is mounted."),
        ],
    ),
    Known::additional(&["Signingserver.gardener.cloud"], "Signing service", "A service that signs.", PLACE),
    Known::additional(
        &["RSA/v1alpha1"],
        "RSA keys",
        "Keys that sign and verify.",
        &[
            text("algorithm", "Algorithm: RSASSA-PSS or RSASSA-PKCS1-V1_5."),
            text("signature", "Name of the signature."),
        ],
    ),
    Known::additional(
        &["GPG/v1alpha1"],
        "OpenPGP keys",
        "Keys that sign and verify.",
        &[text("signature", "Name of the signature.")],
    ),
    Known::additional(
        &["SigstoreSigner/v1alpha1"],
        "Sigstore signer",
        "Who signs with Sigstore.",
        &[
            text("signature", "Name of the signature."),
            text("issuer", "Who vouches for the identity."),
            text("clientID", "Name of this program there."),
        ],
    ),
    Known::additional(
        &["SigstoreVerifier/v1alpha1"],
        "Sigstore verifier",
        "What Sigstore signatures are verified with.",
        &[text("signature", "Name of the signature.")],
    ),
];
