//! `create rsakeypair`, and the keys and roots that signing and verifying work with.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ocm_config::{Configuration, Credential};
use ocm_model::Identity;
use ocm_model::descriptor::Signature;
use ocm_signing::{
    Algorithm, Certificate, Encoding, EncryptionKey, PrivateKey, PublicKey, RsaSigner, RsaVerifier, Secret, Signer,
    Subject, TrustStore, Verifier, create_certificate,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{Error, Kind, Result, connections};

mod choice;
mod openpgp;
mod sigstore;
mod specification;

pub use sigstore::Sigstore;

/// Type of the consumer whose credentials are RSA keys.
const CONSUMER: &str = "RSA/v1alpha1";

/// Largest key or certificate file in bytes.
const LARGEST: u64 = 1 << 20;

/// Keys and roots: what was named, and what the configuration has.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// Private keys in PEM form, each for the signature of a name, or for all.
    pub private: Vec<(Option<String>, Secret)>,
    /// Public keys or certificates in PEM form, each for the signature of a name, or for all.
    pub public: Vec<(Option<String>, Vec<u8>)>,
    /// Root certificates in PEM form.
    pub authorities: Vec<Vec<u8>>,
    /// Root certificates of authorities for timestamps in PEM form; without any, those of signatures count for them, too.
    pub time_authorities: Vec<Vec<u8>>,
    /// What the subject of a signer's certificate must have, each for the signature of a name, or for all.
    pub issuers: Vec<(Option<String>, String)>,
    /// Whether a certificate without such a condition has to be one of the name of the signature, as the v1 program wants it.
    pub name_is_subject: bool,
    /// What encrypted private keys are decrypted with.
    pub secret: Option<Secret>,
    /// Smallest key in bits; 2048 at least.
    pub minimum_bits: usize,
    /// Specification of the signer, in place of the one of the configuration.
    pub signer: Option<serde_json::Map<String, serde_json::Value>>,
    /// Specification of the verifier, in place of the one of the configuration.
    pub verifier: Option<serde_json::Map<String, serde_json::Value>>,
    /// What is known for Sigstore signatures.
    pub sigstore: Sigstore,
    configuration: Configuration,
    pub(crate) credentials: ocm_config::Credentials,
    /// Keys that the configuration has in the form of the older program.
    older: ocm_config::Keys,
}

fn about(error: ocm_signing::Error, subject: impl std::fmt::Display) -> Error {
    Error::from(error).during(subject)
}

impl From<ocm_signing::Error> for Error {
    fn from(error: ocm_signing::Error) -> Self {
        let kind = match error.kind() {
            ocm_signing::Kind::Malformed => Kind::Usage,
            ocm_signing::Kind::Unavailable => Kind::Unavailable,
            _ => Kind::Verification,
        };
        Self::new(kind, error)
    }
}

impl Keys {
    /// Adds the keys of a configuration.
    ///
    /// # Errors
    /// Its credentials cannot be understood.
    pub fn configured(mut self, configuration: &Configuration) -> Result<Self> {
        self.credentials = configuration.credentials()?;
        self.configuration = configuration.clone();
        self.older = configuration.keys()?;
        for root in &self.older.roots {
            self.authorities.push(connections::read(root)?);
        }
        Ok(self)
    }

    /// Whoever signs with the private key for a signature.
    ///
    /// `encoding` is the form of the signature; without one it follows the public key: certificates make it PEM.
    ///
    /// # Errors
    /// There is no private key for it, or a key or certificate cannot be read.
    pub fn signer(&self, name: &str, algorithm: Algorithm, encoding: Option<Encoding>) -> Result<Box<dyn Signer>> {
        let configured = self.configured_for(name, algorithm.name())?;
        let named = self.private.iter().find(|(of, _)| of.as_deref().is_none_or(|of| of == name));
        let private = named.map(|(_, pem)| pem.clone()).or(configured.private);
        let private = private.ok_or_else(|| {
            Error::new(Kind::Usage, format!("private key for signature {name:?} not found")).hint(format!(
                "name it with --private-key FILE, or configure it: a consumer of type {CONSUMER} with algorithm {} and signature {name}",
                algorithm.name()
            ))
        })?;
        let secret = self.secret.as_ref().or(configured.secret.as_ref());
        let key = PrivateKey::read(private.expose(), secret)
            .map_err(|error| about(error, format!("private key for signature {name:?}")))?;
        let public: Vec<&Vec<u8>> = self.public_for(name).chain(configured.public.iter()).collect();
        let mut chain = Vec::new();
        for pem in public {
            if chain.is_empty() {
                chain = Certificate::read_all(pem).map_err(|error| about(error, "public key"))?;
            }
        }
        let encoding = encoding.unwrap_or(if chain.is_empty() { Encoding::Plain } else { Encoding::Pem });
        let roots = self.roots()?;
        if let (Encoding::Pem, Some((leaf, rest)), false) = (encoding, chain.split_first(), roots.is_empty()) {
            roots.verify(leaf, rest, SystemTime::now()).map_err(|error| about(error, "public key"))?;
        }
        let with_issuer = self.name_is_subject;
        Ok(Box::new(RsaSigner { key, algorithm, encoding, chain, with_issuer }))
    }

    /// Whoever can judge a signature with what is known for it; empty if nothing is.
    ///
    /// # Errors
    /// A key or certificate cannot be read.
    pub fn verifiers(&self, signature: &Signature) -> Result<Vec<Box<dyn Verifier>>> {
        if let Some(others) = self.other_verifiers(signature)? {
            return Ok(others);
        }
        let name = signature.name.as_str();
        let unreadable = |error| about(error, format!("public key for signature {name:?}"));
        let mut rsa = RsaVerifier { trust: self.roots()?, minimum_bits: self.minimum_bits, ..RsaVerifier::default() };
        for pem in self.public_for(name) {
            let (keys, certificates) = (PublicKey::read_all(pem), Certificate::read_all(pem));
            let (keys, certificates) = (keys.map_err(unreadable)?, certificates.map_err(unreadable)?);
            if keys.is_empty() && certificates.is_empty() {
                return Err(Error::usage(format!("public key for signature {name:?}: no key in PEM form")));
            }
            rsa.keys.extend(keys);
            // A certificate that was named is trusted as the key of the signature; what follows it stands between.
            if let Some((leaf, rest)) = certificates.split_first() {
                rsa.keys.push(leaf.trusted_key().map_err(unreadable)?);
                rsa.trust.add_intermediates(rest.to_vec());
            }
        }
        // Whoever names a key means that one, and not those that the configuration has as well.
        let configured = match self.public_for(name).next() {
            Some(_) => Configured::default(),
            None => self.configured_for(name, &signature.signature.algorithm)?,
        };
        for pem in &configured.public {
            rsa.keys.extend(PublicKey::read_all(pem).map_err(unreadable)?);
            let certificates = Certificate::read_all(pem).map_err(unreadable)?;
            if let Some(leaf) = certificates.first() {
                rsa.plain_keys.push(leaf.trusted_key().map_err(unreadable)?);
            }
            rsa.trust.add_bundle(certificates);
        }
        if let (true, Some(private)) = (configured.public.is_empty(), &configured.private) {
            let secret = self.secret.as_ref().or(configured.secret.as_ref());
            rsa.keys.push(PrivateKey::read(private.expose(), secret).map_err(unreadable)?.public_key());
        }
        let expected = self.issuers.iter().find(|(of, _)| of.as_deref().is_none_or(|of| of == name));
        let configured = self.older.issuers.get(name).map(String::as_str);
        let expected = expected.map(|(_, subject)| subject.as_str()).or(configured);
        rsa.key_subject = expected.map(Subject::parse).transpose()?;
        rsa.subject = expected.or(self.name_is_subject.then_some(name)).map(Subject::parse).transpose()?;
        let knows_nothing = rsa.keys.is_empty() && rsa.plain_keys.is_empty() && rsa.trust.is_empty();
        Ok(if knows_nothing { Vec::new() } else { vec![Box::new(rsa)] })
    }

    pub(crate) fn public_for(&self, name: &str) -> impl Iterator<Item = &Vec<u8>> {
        self.public.iter().filter(move |(of, _)| of.as_deref().is_none_or(|of| of == name)).map(|(_, pem)| pem)
    }

    pub(crate) fn roots(&self) -> Result<TrustStore> {
        trusted(&self.authorities)
    }

    fn configured_for(&self, name: &str, algorithm: &str) -> Result<Configured> {
        let attributes = [("type", CONSUMER), ("algorithm", algorithm), ("signature", name)];
        let wanted = Identity(attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        let mut configured = Configured::default();
        if let Some(private) = self.older.private.get(name) {
            configured.private = Some(Secret::new(connections::read(private)?));
        }
        if let Some(public) = self.older.public.get(name) {
            configured.public.push(connections::read(public)?);
        }
        let Some(consumer) = self.credentials.consumer(&wanted) else { return Ok(configured) };
        for credential in &consumer.credentials {
            configured.add(credential)?;
        }
        Ok(configured)
    }
}

/// The roots in some bundles.
pub(crate) fn trusted(bundles: &[Vec<u8>]) -> Result<TrustStore> {
    let mut trust = TrustStore::default();
    for pem in bundles {
        let certificates = Certificate::read_all(pem).map_err(|error| about(error, "root certificates"))?;
        if certificates.is_empty() {
            return Err(Error::usage("root certificates: no certificate in PEM form"));
        }
        trust.add_anchors(certificates);
    }
    Ok(trust)
}

/// A property of a credential, wherever it stands in it.
pub(crate) fn property(credential: &Credential, key: &str) -> Option<String> {
    let properties = credential.members.get("properties").and_then(|properties| properties.as_object());
    let value = credential.members.get(key).or_else(|| properties?.get(key))?;
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A property of a credential, inline or in the file that another property names.
fn secret(credential: &Credential, [inline, file]: &[&str; 2]) -> Result<Option<Secret>> {
    if let Some(text) = property(credential, inline) {
        return Ok(Some(Secret::new(text)));
    }
    let about = |error: Error| error.during(format!("configuration {}", credential.place));
    let content = property(credential, file).map(|path| read(Path::new(&path)).map_err(about));
    Ok(content.transpose()?.map(Secret::new))
}

/// Keys of one entry of the configuration.
#[derive(Default)]
struct Configured {
    private: Option<Secret>,
    public: Vec<Vec<u8>>,
    secret: Option<Secret>,
}

impl Configured {
    fn add(&mut self, credential: &Credential) -> Result<()> {
        let kind = credential.kind.split('/').next().unwrap_or_default();
        let place = &credential.place;
        let text = |key: &str| property(credential, key);
        if !["RSACredentials", "DirectCredentials", "Credentials"].contains(&kind) {
            return Err(Error::usage(format!(
                "configuration {place}: credentials of type {:?} have no RSA keys",
                credential.kind
            ))
            .hint("use RSACredentials/v1"));
        }
        let content = |keys: [&str; 4]| -> Result<Option<Vec<u8>>> {
            let [inline, older, file, older_file] = keys;
            if let Some(text) = text(inline).or_else(|| text(older)) {
                return Ok(Some(text.into_bytes()));
            }
            let path = text(file).or_else(|| text(older_file));
            path.map(|path| read(Path::new(&path)).map_err(|error| error.during(format!("configuration {place}"))))
                .transpose()
        };
        let private = content(["privateKeyPEM", "private_key_pem", "privateKeyPEMFile", "private_key_pem_file"])?;
        self.private = private.map(Secret::new).or(self.private.take());
        self.public.extend(content(["publicKeyPEM", "public_key_pem", "publicKeyPEMFile", "public_key_pem_file"])?);
        let secret = content(["privateKeyPassphrase", "passphrase", "privateKeyPassphraseFile", "passphrase_file"])?;
        self.secret = secret.map(Secret::new).or(self.secret.take());
        Ok(())
    }
}

/// Reads a key or certificate file.
///
/// # Errors
/// It cannot be read, or is larger than any key.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| {
        let kind = if error.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Usage };
        Error::new(kind, format!("{}: {error}", path.display()))
    };
    let mut content = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > LARGEST {
        return Err(Error::usage(format!("{}: is larger than the limit of {LARGEST} bytes for keys", path.display())));
    }
    Ok(content)
}

/// Makes a key pair, with a certificate if a subject is given, and writes it into files that only their owner reads.
///
/// # Errors
/// [`Kind::Usage`] for a subject or authority that cannot be used, [`Kind::Conflict`] if a file exists.
pub fn create(request: &KeyPair) -> Result<Created> {
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
        trust.verify(first, chain, SystemTime::now())?;
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
    let mut files: Vec<(&Path, Secret)> = vec![(&request.private, private), (&public_path, Secret::new(public))];
    if let Some(encryption) = new_key {
        files.push((&key_path, Secret::new(encryption.to_pem())));
    }
    write_all(&files, request.force)?;
    Ok(Created {
        private: request.private.clone(),
        public: public_path.clone(),
        encryption_key: new_key.map(|_| key_path.clone()),
        is_encrypted: encryption.is_some(),
        fingerprint: key.public_key().fingerprint(),
    })
}

/// Writes files that only their owner reads; none is there yet unless `force` says so.
fn write_all(files: &[(&Path, Secret)], force: bool) -> Result<()> {
    for (path, _) in files {
        if !force && path.symlink_metadata().is_ok() {
            return Err(Error::new(Kind::Conflict, format!("{}: exists", path.display()))
                .hint("name another file, or use --force"));
        }
    }
    for (path, content) in files {
        let failed = |error: std::io::Error| Error::usage(format!("{}: {error}", path.display()));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".ocm-").tempfile_in(folder).map_err(failed)?;
        std::io::Write::write_all(&mut file, content.expose()).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        if force {
            file.persist(path).map_err(|error| failed(error.error))?;
        } else {
            file.persist_noclobber(path).map_err(|error| failed(error.error))?;
        }
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
