use std::path::PathBuf;

use clap::builder::{ArgPredicate, NonEmptyStringValueParser};
use clap::{Args, Subcommand, ValueEnum};

use super::trust::KeyOptions;
use super::{ReportForm, Selection};

/// Sign component versions
#[derive(Debug, Args)]
pub(crate) struct Sign {
    #[command(subcommand)]
    pub(crate) kind: Option<SignKind>,
}

/// What to sign.
#[derive(Debug, Subcommand)]
pub(crate) enum SignKind {
    #[command(visible_alias = "cv", aliases = [
        "component-versions", "cvs", "componentversion", "componentversions", "component", "components", "comp", "comps", "c",
    ])]
    ComponentVersion(SignComponentVersion),
    Hash(SignHash),
}

/// Sign component versions, and store the signatures with them
///
/// The signature covers everything that belongs to a version: digests of resources and of referenced versions that are not
/// recorded are computed and stored with it. With flags that only the older program has (`-s`, `-K`, `-S`, …) its defaults
/// apply: RSASSA-PKCS1-V1_5 over jsonNormalisation/v3, which all programs verify.
#[derive(Debug, Args)]
pub(crate) struct SignComponentVersion {
    /// Component references
    #[arg(value_name = "REFERENCE", required_unless_present = "repo")]
    pub(crate) references: Vec<String>,
    /// Name of the signature
    #[arg(long, short = 's', value_name = "NAME", default_value = "default", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) signature: String,
    /// How the digest is made; the default is jsonNormalisation/v4alpha1, or v3 for the older program
    #[arg(long, short = 'N', visible_alias = "normalization", value_name = "NAME")]
    pub(crate) normalisation: Option<String>,
    /// Hash of the digest: SHA-256, the default unless the configuration says otherwise, or SHA-512
    #[arg(long, short = 'H', value_name = "NAME", value_parser = hash)]
    pub(crate) hash: Option<String>,
    /// Signature algorithm: RSASSA-PSS or RSASSA-PKCS1-V1_5; the default is what the configuration says, else RSASSA-PSS, or
    /// RSASSA-PKCS1-V1_5 for the older program, whose rsa-signingservice and rsapss-signingservice take the address of a
    /// server from the file of the private key. Also GPG, Sigstore/v1alpha1, and sigstore-v2 for the older program
    #[arg(long, short = 'S', value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    /// Also sign referenced versions, these first
    #[arg(long, visible_alias = "recursively", short = 'R')]
    pub(crate) recursive: bool,
    /// Replace a signature of the same name
    #[arg(long)]
    pub(crate) force: bool,
    /// Sign, print the signature, and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Compare the content of all resources with their digests first; with the flags of the older program that is the default
    #[arg(long = "verify", short = 'V', value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) content: Option<bool>,
    /// Form of the printed signature
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<SignatureForm>,
    /// File with the specification of the signer, in place of the one in the configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) signer_spec: Option<PathBuf>,
    /// Private key, `[NAME=]FILE` with the name of the signature
    #[arg(long, short = 'K', value_name = "[NAME=]FILE", help_heading = "Keys")]
    pub(crate) private_key: Vec<String>,
    /// File with the passphrase, or the encryption key, of the private key
    #[arg(long, value_name = "FILE", help_heading = "Keys", conflicts_with_all = ["signer_command", "signing_service", "keyless"])]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Program that signs in place of a private key: it reads a JSON object with the digest and prints the signature; arguments
    /// go into the configuration
    #[arg(long, value_name = "PROGRAM", help_heading = "Keys", conflicts_with_all = ["private_key", "signing_service"])]
    pub(crate) signer_command: Option<String>,
    /// Address of a signing server that signs in place of a private key
    #[arg(long, value_name = "URL", help_heading = "Keys", conflicts_with = "private_key")]
    pub(crate) signing_service: Option<String>,
    /// Store the word of a time-stamping authority with the signature, so that it outlives its certificate
    #[arg(long, value_name = "URL", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Keys")]
    pub(crate) tsa: Option<String>,
    /// Address of the time-stamping authority
    #[arg(long, value_name = "URL", default_value_if("tsa", ArgPredicate::Equals("true".into()), TSA), help_heading = "Keys")]
    pub(crate) tsa_url: Option<String>,
    /// Sign with Sigstore, without a key: the signature says who showed an identity token. It is public from the moment it is
    /// made
    #[arg(long, help_heading = "Sigstore", conflicts_with = "private_key")]
    pub(crate) keyless: bool,
    /// Identity token to sign with Sigstore, or the file with it
    #[arg(long, value_name = "TOKEN", env = "SIGSTORE_ID_TOKEN", hide_env_values = true, help_heading = "Sigstore")]
    pub(crate) identity_token: Option<String>,
    /// Authorities and logs (`trusted_root.json`) that the new Sigstore signature is judged by before it is stored; the default
    /// is what the configuration says, else those of the public instance
    #[arg(long, value_name = "FILE", help_heading = "Sigstore")]
    pub(crate) trusted_root: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) keys: KeyOptions,
    #[command(flatten)]
    pub(crate) selection: Selection,
}

/// The authority that is asked unless another one is named, as by the older program.
const TSA: &str = "http://timestamp.digicert.com";

/// Sign a digest, and print the signature
#[derive(Debug, Args)]
pub(crate) struct SignHash {
    /// File of the private key
    #[arg(value_name = "KEY")]
    pub(crate) key: PathBuf,
    /// Digest: `SHA-256:` or `SHA-512:` and hexadecimal digits
    #[arg(value_name = "DIGEST")]
    pub(crate) digest: String,
    /// Signature algorithm: RSASSA-PSS or RSASSA-PKCS1-V1_5
    #[arg(long, short = 'S', value_name = "NAME", default_value = "RSASSA-PKCS1-V1_5")]
    pub(crate) algorithm: String,
    /// File with the passphrase, or the encryption key, of the private key
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Form of the printed signature
    #[arg(long, short, value_name = "FORM", default_value = "yaml")]
    pub(crate) output: SignatureForm,
    #[command(flatten)]
    pub(crate) keys: KeyOptions,
}

/// Forms of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignatureForm {
    /// YAML
    #[default]
    Yaml,
    /// Indented JSON
    Json,
}

impl SignComponentVersion {
    /// The address of the time-stamping authority, if one is to be asked.
    pub(crate) fn time_stamping(&self) -> Option<&str> {
        let named = self.tsa.as_deref().filter(|tsa| *tsa != "true");
        if named == Some("false") { None } else { named.or(self.tsa_url.as_deref()) }
    }
}

impl From<SignatureForm> for ReportForm {
    fn from(form: SignatureForm) -> Self {
        match form {
            SignatureForm::Yaml => Self::Yaml,
            SignatureForm::Json => Self::Json,
        }
    }
}

/// Names of hashes. The ones of OCI digests are refused, as by the current program: they are written into the signature, and
/// other programs do not know them.
fn hash(text: &str) -> Result<String, String> {
    match text {
        "sha256" => Err("this is the name in OCI digests; write SHA-256".into()),
        "sha512" => Err("this is the name in OCI digests; write SHA-512".into()),
        _ => Ok(text.to_owned()),
    }
}
