//! `create rsakeypair`, and the keys and roots that signing and verifying work with.

use std::path::Path;
use std::time::SystemTime;

use ocm_config::{Configuration, Credential};
use ocm_model::Identity;
use ocm_model::descriptor::Signature;
use ocm_signing::{
    Algorithm, Certificate, Encoding, PrivateKey, PublicKey, RsaSigner, RsaVerifier, Secret, Signer, Subject,
    TrustStore, Verifier,
};

use crate::{Error, Kind, Result, connections};

mod choice;
mod foreign;
mod openpgp;
mod pair;
mod sigstore;
mod specification;

pub use pair::{Created, Encryption, KeyPair, create};
pub use sigstore::Sigstore;
pub use specification::{Specification, Way};

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
    /// Root certificates in PEM form, in place of those of the configuration.
    pub authorities: Vec<Vec<u8>>,
    /// Root certificates of authorities for timestamps in PEM form; without any, those of signatures count for them, too.
    pub time_authorities: Vec<Vec<u8>>,
    /// What the subject of a signer's certificate must have, each for the signature of a name, or for all.
    pub issuers: Vec<(Option<String>, String)>,
    /// Whether a certificate without such a condition has to be one of the name of the signature, as the v1 program wants it.
    pub name_is_subject: bool,
    /// What encrypted private keys are decrypted with.
    pub secret: Option<Secret>,
    /// Specification of the signer, in place of the one of the configuration.
    pub signer: Option<serde_json::Map<String, serde_json::Value>>,
    /// Specification of the verifier, in place of the one of the configuration.
    pub verifier: Option<serde_json::Map<String, serde_json::Value>>,
    /// What is known for Sigstore signatures.
    pub sigstore: Sigstore,
    /// Root certificates of the configuration.
    configured_authorities: Vec<Vec<u8>>,
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
            self.configured_authorities.push(connections::read(root)?);
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
        let mut public: Vec<&Vec<u8>> = self.public_for(name).collect();
        let is_named = !public.is_empty();
        if !is_named {
            public.extend(&configured.public);
        }
        let mut chain: Vec<Certificate> = Vec::new();
        for pem in public {
            if chain.is_empty() {
                chain = Certificate::read_all(pem).map_err(|error| about(error, "public key"))?;
            }
        }
        // What the configuration has belongs to its own key, which need not be the one that was named.
        if let (false, Some(leaf)) = (is_named, chain.first())
            && named.is_some()
            && leaf.public_key().is_ok_and(|of| of.fingerprint() != key.public_key().fingerprint())
        {
            chain.clear();
        }
        let encoding = encoding.unwrap_or(if chain.is_empty() { Encoding::Plain } else { Encoding::Pem });
        let roots = self.roots(name)?;
        if let (Encoding::Pem, Some((leaf, rest)), false) = (encoding, chain.split_first(), roots.is_empty()) {
            roots.verify(leaf, rest, SystemTime::now()).map_err(|error| about(error, "public key"))?;
        }
        let with_issuer = self.name_is_subject;
        Ok(Box::new(RsaSigner { key, algorithm, encoding, chain, with_issuer }))
    }

    /// Whoever can judge a signature with what is known for it; empty if nothing is. No key counts that is smaller than this many
    /// bits, or than 2048, wherever it stands on the way from the signature to what is trusted.
    ///
    /// # Errors
    /// A key or certificate cannot be read.
    pub fn verifiers(&self, signature: &Signature, minimum_bits: usize) -> Result<Vec<Box<dyn Verifier>>> {
        if let Some(others) = self.other_verifiers(signature, minimum_bits)? {
            return Ok(others);
        }
        let name = signature.name.as_str();
        let unreadable = |error| about(error, format!("public key for signature {name:?}"));
        let mut rsa = RsaVerifier { trust: self.roots(name)?, minimum_bits, ..RsaVerifier::default() };
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

    /// The roots that count for the signature of a name. Whoever names a key or roots means those, and nothing that the
    /// configuration trusts beside them.
    pub(crate) fn roots(&self, name: &str) -> Result<TrustStore> {
        trusted(self.authorities_for(name))
    }

    pub(crate) fn authorities_for(&self, name: &str) -> &[Vec<u8>] {
        let is_named = !self.authorities.is_empty() || self.public_for(name).next().is_some();
        if is_named { &self.authorities } else { &self.configured_authorities }
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
