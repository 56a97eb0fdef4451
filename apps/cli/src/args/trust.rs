use std::path::PathBuf;

use clap::Args;

use super::PolicyOptions;

/// Bits of the smallest RSA key that counts where no flag says more.
const SMALLEST_KEY: u32 = 2048;

/// Keys and certificates for signing and verifying.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keys")]
pub(crate) struct KeyOptions {
    /// Public key or certificate, `[NAME=]FILE` with the name of a signature; may be repeated. The configuration may have
    /// keys, too
    #[arg(long, short = 'k', visible_alias = "publicKey", value_name = "[NAME=]FILE")]
    pub(crate) public_key: Vec<String>,
    /// Root certificates; nothing else is a root, whatever comes with a signature
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_cert: Vec<PathBuf>,
    /// Root certificates of time-stamping authorities; without, those of `--ca-cert` count
    #[arg(long, value_name = "FILE")]
    pub(crate) tsa_cert: Vec<PathBuf>,
    /// What the subject of the signer's certificate must have, `[NAME=]DN` or a common name; may be repeated
    #[arg(long, short = 'I', value_name = "SUBJECT")]
    pub(crate) issuer: Vec<String>,
}

/// What Sigstore signatures are judged by.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Sigstore")]
pub(crate) struct SigstoreOptions {
    /// Who has to have signed, as in the certificate: a mail address, or the address of a workflow
    #[arg(long, value_name = "NAME", conflicts_with = "certificate_identity_regexp")]
    pub(crate) certificate_identity: Option<String>,
    /// Regular expression for it, which has to match all of it
    #[arg(long, value_name = "REGEXP")]
    pub(crate) certificate_identity_regexp: Option<String>,
    /// Who has to vouch for the identity: the address of the issuer of identity tokens
    #[arg(long, value_name = "URL", conflicts_with = "certificate_oidc_issuer_regexp")]
    pub(crate) certificate_oidc_issuer: Option<String>,
    /// Regular expression for it, which has to match all of it
    #[arg(long, value_name = "REGEXP")]
    pub(crate) certificate_oidc_issuer_regexp: Option<String>,
    /// Authorities and logs that are trusted (`trusted_root.json`); the default is what the configuration says, else those of
    /// the public instance
    #[arg(long, value_name = "FILE")]
    pub(crate) trusted_root: Option<PathBuf>,
    /// Only Sigstore signatures count
    #[arg(long)]
    pub(crate) keyless: bool,
}

/// Verification in front of something else.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct TrustOptions {
    #[command(flatten)]
    pub(crate) keys: KeyOptions,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
}

impl TrustOptions {
    /// Whether anything says how signatures are to be judged, besides the names of those that have to be there.
    pub(crate) fn names_any(&self) -> bool {
        let TrustOptions { keys, policy } = self;
        let sigstore = &policy.sigstore;
        !keys.public_key.is_empty()
            || !keys.ca_cert.is_empty()
            || !keys.tsa_cert.is_empty()
            || !keys.issuer.is_empty()
            || !policy.allow_algorithm.is_empty()
            || !policy.allow_normalisation.is_empty()
            || policy.minimum_key_size > SMALLEST_KEY
            || policy.at.is_some()
            || sigstore.certificate_identity.is_some()
            || sigstore.certificate_identity_regexp.is_some()
            || sigstore.certificate_oidc_issuer.is_some()
            || sigstore.certificate_oidc_issuer_regexp.is_some()
            || sigstore.trusted_root.is_some()
            || sigstore.keyless
    }
}

/// Flags of keys that the older program takes in front of its commands.
const BEFORE: [&str; 8] = ["-k", "-K", "-I", "--public-key", "--private-key", "--issuer", "--ca-cert", "--tsa-cert"];

/// Moves flags of keys from in front of a command, where the older program has them, behind it.
pub(super) fn behind_the_command(argv: Vec<String>) -> Vec<String> {
    let verbs = ["sign", "verify", "download", "transfer"];
    let Some(verb) = argv.iter().position(|word| verbs.contains(&word.as_str())) else { return argv };
    let (mut before, mut moved) = (Vec::new(), Vec::new());
    let (front, behind) = argv.split_at(verb);
    let mut front = front.iter();
    while let Some(word) = front.next() {
        let is_key = BEFORE.iter().any(|flag| {
            word == flag || word.strip_prefix(flag).is_some_and(|rest| rest.starts_with('=') && flag.starts_with("--"))
        });
        if is_key {
            moved.push(word.clone());
            if BEFORE.contains(&word.as_str()) {
                moved.extend(front.next().cloned());
            }
        } else {
            before.push(word.clone());
        }
    }
    if moved.is_empty() {
        return argv;
    }
    // In front of the references, but behind the kind, which is the word after the verb.
    let kind = behind.len().min(2);
    before.extend(behind[..kind].iter().cloned());
    before.extend(moved);
    before.extend(behind[kind..].iter().cloned());
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(line: &str) -> String {
        behind_the_command(line.split(' ').map(str::to_owned).collect()).join(" ")
    }

    #[test]
    fn keys_in_front_of_a_command_are_keys_of_the_command() {
        assert_eq!(moved("-k a=b verify cv -s a x//y"), "verify cv -k a=b -s a x//y");
        assert_eq!(
            moved("--loglevel debug --private-key=a=b sign cv x//y"),
            "--loglevel debug sign cv --private-key=a=b x//y"
        );
        assert_eq!(moved("verify cv -k a=b x//y"), "verify cv -k a=b x//y");
        assert_eq!(moved("get cv x//y"), "get cv x//y");
    }
}
