use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ocm_blob::{Existing, folder_of, once, write_file_as};
use ocm_signing::{Certificate, EncryptionKey, PrivateKey, Secret, TrustStore, create_certificate};
use schemars::JsonSchema;
use serde::Serialize;

use super::{about, read};
use crate::{Error, Kind, Result, deliver};

/// Makes a key pair, with a certificate if a subject is given, and writes it into files that only their owner reads.
///
/// # Errors
/// [`Kind::Usage`] for a subject or authority that cannot be used, [`Kind::Conflict`] if a file exists.
pub async fn create(request: &KeyPair) -> Result<Created> {
    let key = PrivateKey::generate(request.bits)?;
    let authority = match (&request.authority, &request.authority_key) {
        (None, None) => None,
        (Some(certificates), Some(private)) => {
            let chain = Certificate::read_all(&read(certificates)?)?;
            let private = PrivateKey::read(&read(private)?, None).map_err(|error| about(error, private.display()))?;
            let missing = || Error::usage(format!("{}: no certificate in PEM form", certificates.display()));
            Some((chain.first().cloned().ok_or_else(missing)?, chain, private))
        }
        (Some(_), None) => {
            return Err(
                Error::usage("the private key of the certificate authority is missing").hint("give it with --ca-key")
            );
        }
        (None, Some(_)) => {
            return Err(Error::usage("the certificate of the authority is missing").hint("give it with --ca-cert"));
        }
    };
    if let (Some((first, chain, _)), Some(roots)) = (&authority, &request.roots) {
        let mut trust = TrustStore::default();
        trust.add_anchors(Certificate::read_all(&read(roots)?)?);
        trust.verify_authority(first, chain, SystemTime::now())?;
    }
    let public = if request.subject.is_empty() && authority.is_none() && !request.is_authority {
        key.public_key().to_pem()?
    } else {
        let signing = authority.as_ref().map(|(first, _, private)| (first, private));
        let now = SystemTime::now();
        let certificate =
            create_certificate(&key, &request.subject, signing, request.is_authority, now, request.validity)?;
        let chain = authority.iter().flat_map(|(_, chain, _)| chain);
        std::iter::once(&certificate).chain(chain).map(Certificate::to_pem).collect()
    };
    let encryption = match &request.encryption {
        Encryption::None => None,
        Encryption::New => Some(EncryptionKey::generate()?),
        Encryption::With(path) => Some(EncryptionKey::read(&read(path)?)?),
    };
    let private = match &encryption {
        Some(encryption) => Secret::new(key.to_encrypted_pem(encryption)?),
        None => key.to_pem()?,
    };
    let suffix = if request.subject.is_empty() { "pub" } else { "cert" };
    let derived = || {
        let path = request.private.to_string_lossy();
        PathBuf::from(format!("{}.{suffix}", path.strip_suffix(".priv").unwrap_or(&path)))
    };
    let public_path = request.public.clone().unwrap_or_else(derived);
    let key_path = PathBuf::from(format!("{}.ekey", request.private.display()));
    let new_key = matches!(request.encryption, Encryption::New).then_some(encryption.as_ref()).flatten();
    let mut files = vec![(request.private.clone(), private), (public_path.clone(), Secret::new(public))];
    if let Some(encryption) = new_key {
        files.push((key_path.clone(), Secret::new(encryption.to_pem())));
    }
    write_all(files, request.force).await?;
    Ok(Created {
        private: request.private.clone(),
        public: public_path.clone(),
        encryption_key: new_key.map(|_| key_path.clone()),
        is_encrypted: encryption.is_some(),
        fingerprint: key.public_key().fingerprint(),
    })
}

/// Writes files that only their owner reads; none is there yet unless `force` says so.
async fn write_all(files: Vec<(PathBuf, Secret)>, force: bool) -> Result<()> {
    let exists = |path: &Path| {
        let error = Error::new(Kind::Conflict, format!("{}: exists", path.display()));
        error.hint("name another file, or use --force")
    };
    if let Some((path, _)) = files
        .iter()
        .enumerate()
        .find_map(|(position, (path, _))| files[..position].iter().find(|(before, _)| before == path))
    {
        return Err(Error::usage(format!("{}: each key needs a file of its own", path.display())));
    }
    if files.iter().any(|(path, _)| path.file_name().is_none()) {
        return Err(Error::usage("the name of a key file is empty, or that of a folder"));
    }
    if let Some(folder) = files.iter().map(|(path, _)| folder_of(path)).find(|folder| !folder.is_dir()) {
        return Err(Error::new(Kind::NotFound, format!("{}: there is no such folder", folder.display()))
            .hint("make it first: keys are written into folders that are there"));
    }
    if let Some((path, _)) = files.iter().find(|(path, _)| !force && path.symlink_metadata().is_ok()) {
        return Err(exists(path));
    }
    let existing = if force { Existing::Replace } else { Existing::Refuse };
    for (path, content) in files {
        let stream = once(content.reveal().to_vec());
        write_file_as(stream, &path, 0o600, existing).await.map_err(deliver::file_error)?;
    }
    Ok(())
}

/// Which key pair to make.
#[derive(Clone, Debug)]
pub struct KeyPair {
    /// File of the private key.
    pub private: PathBuf,
    /// File of the public key or certificate; the default follows the private one: `.pub`, or `.cert`.
    pub public: Option<PathBuf>,
    /// Attributes of the subject; with none there is no certificate.
    pub subject: Vec<(String, String)>,
    /// Whether the certificate may sign others.
    pub is_authority: bool,
    /// Certificate of the authority that signs, and those above it.
    pub authority: Option<PathBuf>,
    /// Its private key.
    pub authority_key: Option<PathBuf>,
    /// Root certificates that the authority has to lead to.
    pub roots: Option<PathBuf>,
    /// How long the certificate is valid.
    pub validity: Duration,
    /// Size in bits: 2048, 3072, 4096 or 8192.
    pub bits: usize,
    /// Whether the private key is encrypted.
    pub encryption: Encryption,
    /// Whether files that exist are replaced.
    pub force: bool,
}

/// What a private key is encrypted with.
#[derive(Clone, Debug, Default)]
pub enum Encryption {
    /// It is not.
    #[default]
    None,
    /// A new key, which is written beside it.
    New,
    /// The key in this file.
    With(PathBuf),
}

/// The files that were written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The private key.
    pub private: PathBuf,
    /// The public key or certificate.
    pub public: PathBuf,
    /// The key that the private one is encrypted with, if it was made, too.
    pub encryption_key: Option<PathBuf>,
    /// Whether the private key is encrypted.
    pub is_encrypted: bool,
    /// SHA-256 over the public key (`SubjectPublicKeyInfo`).
    pub fingerprint: String,
}
