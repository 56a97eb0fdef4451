use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::ReportForm;

/// Create keys and archives
#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(subcommand)]
    pub(crate) kind: Option<CreateKind>,
}

/// What to create.
#[derive(Debug, Subcommand)]
pub(crate) enum CreateKind {
    #[command(name = "rsakeypair", visible_alias = "rsa", aliases = ["rsa-key-pair", "rsakey"])]
    RsaKeyPair(CreateRsaKeyPair),
    #[command(name = "ctf", visible_alias = "transportarchive", alias = "commontransportarchive")]
    Archive(CreateArchive),
}

/// Create an empty archive
///
/// There is no need for it in front of `add` and `transfer`, which make the archives they write to.
#[derive(Debug, Args)]
pub(crate) struct CreateArchive {
    /// Where it is to be
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    /// Form of the archive: `directory`, `tar`, `tgz`; the default follows its name
    #[arg(long = "type", short = 't', value_name = "FORM")]
    pub(crate) form: Option<String>,
    /// Throw an archive away that is there
    #[arg(long, short)]
    pub(crate) force: bool,
    /// Form in which it is said what was created; the default is silence
    #[arg(long, short, value_name = "FORM")]
    pub(crate) output: Option<ReportForm>,
}

/// Create an RSA key pair, with a certificate if a subject is given
///
/// Attributes of the subject are CN (or common-name, issuer), O, OU, L, ST, STREET, POSTALCODE and C. Without --ca-cert the
/// certificate signs itself; with it the file of the public key holds the chain.
#[derive(Debug, Args)]
pub(crate) struct CreateRsaKeyPair {
    /// File of the private key (rsa.priv), file of the public key or certificate (the same with .pub or .cert), attributes of
    /// the subject
    #[arg(value_name = "PRIVATE [PUBLIC] [KEY=VALUE…]")]
    pub(crate) arguments: Vec<String>,
    /// Make a certificate that may sign others
    #[arg(long)]
    pub(crate) ca: bool,
    /// Private key of the authority that signs the certificate
    #[arg(long, visible_alias = "cakey", value_name = "FILE", requires = "ca_cert")]
    pub(crate) ca_key: Option<PathBuf>,
    /// Certificate of the authority, and those above it
    #[arg(long, visible_alias = "cacert", value_name = "FILE", requires = "ca_key")]
    pub(crate) ca_cert: Option<PathBuf>,
    /// Root certificates that the authority has to lead to
    #[arg(long, visible_alias = "rootcerts", value_name = "FILE", requires = "ca_cert")]
    pub(crate) root_certs: Option<PathBuf>,
    /// How long the certificate is valid: hours, minutes, seconds (`24h30m`); the default is 87600h
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) validity: Option<Duration>,
    /// Size of the key in bits: 2048, 3072, 4096 or 8192
    #[arg(long, value_name = "BITS", default_value = "2048")]
    pub(crate) bits: usize,
    /// Encrypt the private key with a new encryption key, written beside it (.ekey)
    #[arg(long, short = 'E', conflicts_with = "encryption_key")]
    pub(crate) encrypt: bool,
    /// Encrypt the private key with the encryption key in a file
    #[arg(long, short = 'e', visible_alias = "encryptionKey", value_name = "FILE")]
    pub(crate) encryption_key: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long, short)]
    pub(crate) force: bool,
}

/// A length of time as Go writes it.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no length of time: 87600h, 24h30m");
    let mut rest = text;
    let mut seconds = 0_f64;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let unit_end =
            rest[end..].find(|letter: char| letter.is_ascii_digit()).map_or(rest.len(), |length| end + length);
        seconds += number
            * match &rest[end..unit_end] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "d" => 86400.0,
                _ => return Err(wrong()),
            };
        rest = &rest[unit_end..];
    }
    let length = Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?;
    if length.is_zero() { Err(wrong()) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(duration("24h30m"), Ok(Duration::from_mins(1470)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_mins(90)));
        for wrong in ["", "0s", "5", "h", "5x", "-1h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
