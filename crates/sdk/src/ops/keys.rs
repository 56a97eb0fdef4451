//! `create rsakeypair`, and the keys and roots that signing and verifying work with.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use ocm_config::Configuration;
use ocm_credentials::{Found, Resolver};
use ocm_model::Identity;
use ocm_model::descriptor::Signature;
use ocm_signing::openpgp::OpenPgpCertificate;
use ocm_signing::sigstore::SigstoreKey;
use ocm_signing::{
    Algorithm, Certificate, Encoding, PrivateKey, PublicKey, RsaSigner, RsaVerifier, Secret, Signer, Subject,
    TrustStore, Verifier,
};

use crate::{Context, Error, Kind, Result, connections};

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
    /// Who finds the credentials of signers: in the configuration, and in the stores that it names.
    resolver: Option<Arc<Resolver>>,
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
    /// Adds the keys of a configuration. Those that are credentials are found by the context, when they are needed.
    ///
    /// # Errors
    /// An entry that is not understood, or a root that cannot be read.
    pub fn configured(mut self, context: &Context, configuration: &Configuration) -> Result<Self> {
        self.resolver = Some(context.resolver().clone());
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
    pub async fn signer(
        &self,
        name: &str,
        algorithm: Algorithm,
        encoding: Option<Encoding>,
    ) -> Result<Box<dyn Signer>> {
        let is_needed = !self.private.iter().any(|(of, _)| of.as_deref().is_none_or(|of| of == name));
        let configured = self.configured_for(name, algorithm.name(), is_needed).await?;
        let named = self.private.iter().find(|(of, _)| of.as_deref().is_none_or(|of| of == name));
        let private = named.map(|(_, pem)| pem.clone()).or(configured.private);
        let private = private.ok_or_else(|| {
            Error::new(Kind::Usage, format!("private key for signature {name:?} not found")).hint(format!(
                "name it with --private-key FILE, or configure it: a consumer of type {CONSUMER} with algorithm {} and signature {name}",
                algorithm.name()
            ))
        })?;
        let secret = self.secret.as_ref().or(configured.secret.as_ref());
        let key = PrivateKey::read(private.reveal(), secret)
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
            // Whoever names a public key believes that the signature can be verified with it.
            let plain = PublicKey::read_all(pem).map_err(|error| about(error, "public key"))?;
            if is_named && plain.iter().any(|plain| plain.fingerprint() != key.public_key().fingerprint()) {
                return Err(Error::usage(format!("signature {name:?}: the public key is not that of the private key")));
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
        if let Some(subject) = self.issuer_for(name) {
            let subject = Subject::parse(subject)?;
            let leaf = chain.first().ok_or_else(|| {
                let reason = format!("signature {name:?}: {subject} is expected, but no certificate says who signs");
                Error::usage(reason).hint("name it with --public-key, or leave --issuer out")
            })?;
            leaf.check_subject(&subject).map_err(|error| about(error, "public key"))?;
        }
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
    pub async fn verifiers(&self, signature: &Signature, minimum_bits: usize) -> Result<Vec<Box<dyn Verifier>>> {
        if let Some(others) = self.other_verifiers(signature, minimum_bits).await? {
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
            None => self.configured_for(name, &signature.signature.algorithm, self.authorities.is_empty()).await?,
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
            rsa.keys.push(PrivateKey::read(private.reveal(), secret).map_err(unreadable)?.public_key());
        }
        let expected = self.issuer_for(name);
        if expected.is_some() && !rsa.keys.is_empty() {
            // Nothing says whose key it is that comes without a certificate.
            rsa.keys.retain(PublicKey::has_certificate);
            if rsa.keys.is_empty() && rsa.plain_keys.is_empty() && rsa.trust.is_empty() {
                let reason =
                    format!("public key for signature {name:?}: is no certificate, so nothing says whose it is");
                return Err(Error::usage(reason).hint("name the certificate of the signer, or leave --issuer out"));
            }
        }
        let expected = expected.or(self.older.issuers.get(name).map(String::as_str));
        rsa.key_subject = expected.map(Subject::parse).transpose()?;
        rsa.subject = expected.or(self.name_is_subject.then_some(name)).map(Subject::parse).transpose()?;
        let knows_nothing = rsa.keys.is_empty() && rsa.plain_keys.is_empty() && rsa.trust.is_empty();
        Ok(if knows_nothing { Vec::new() } else { vec![Box::new(rsa)] })
    }

    /// What flags say of the subject of a signer.
    pub(crate) fn issuer_for(&self, name: &str) -> Option<&str> {
        let expected = self.issuers.iter().find(|(of, _)| of.as_deref().is_none_or(|of| of == name));
        expected.map(|(_, subject)| subject.as_str())
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

    /// The RSA keys that the configuration has for a signature. Unless they are needed, it does not matter that a store which may
    /// have them cannot be asked.
    async fn configured_for(&self, name: &str, algorithm: &str, are_needed: bool) -> Result<Configured> {
        let mut configured = Configured::default();
        if let Some(private) = self.older.private.get(name) {
            configured.private = Some(Secret::new(connections::read(private)?));
        }
        if let Some(public) = self.older.public.get(name) {
            configured.public.push(connections::read(public)?);
        }
        match self.credentials_of(&[("type", CONSUMER), ("algorithm", algorithm), ("signature", name)]).await {
            Ok(Some(found)) => configured.add(&found)?,
            Ok(None) => {}
            Err(error) if are_needed => return Err(error),
            Err(error) => tracing::warn!("the configured keys of signature {name:?} are left out: {error}"),
        }
        Ok(configured)
    }

    /// The credentials of a consumer.
    pub(crate) async fn credentials_of(&self, attributes: &[(&str, &str)]) -> Result<Option<Found>> {
        let Some(resolver) = &self.resolver else { return Ok(None) };
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Ok(resolver.resolve(&Identity(attributes.collect())).await?)
    }
}

/// Refuses what is no public key of any kind, and no certificate: somebody believes that signatures are judged by it.
///
/// # Errors
/// What stands there instead.
pub fn check_public(content: &[u8]) -> Result<()> {
    let (keys, certificates) = (PublicKey::read_all(content), Certificate::read_all(content));
    let is_rsa =
        matches!((&keys, &certificates), (Ok(keys), Ok(certificates)) if !keys.is_empty() || !certificates.is_empty());
    let is_foreign = matches!(&keys, Err(error) if error.kind() == ocm_signing::Kind::Unsupported);
    let is_other = || is_foreign && SigstoreKey::read_all(content).is_ok_and(|keys| !keys.is_empty());
    let is_openpgp = || OpenPgpCertificate::read_all(content).is_ok_and(|found| !found.is_empty());
    if is_rsa || is_other() || is_openpgp() {
        return Ok(());
    }
    keys.map(drop).and(certificates.map(drop))?;
    Err(Error::usage("no public key or certificate in PEM form"))
}

/// Refuses what holds no root certificate.
///
/// # Errors
/// What is wrong with it.
pub fn check_roots(content: &[u8]) -> Result<()> {
    trusted(std::slice::from_ref(&content.to_vec())).map(|_| ())
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

/// A part of credentials, inline or in the file that another part names; the first of some names that has one.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn part(found: &Found, names: &[&str]) -> Result<Option<Secret>> {
    for name in names {
        let content = found.properties.content(name).map_err(|error| Error::usage(error.to_string()));
        if let Some(content) = content.map_err(|error| error.during(&found.origin))? {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

/// Keys of one entry of the configuration.
#[derive(Default)]
struct Configured {
    private: Option<Secret>,
    public: Vec<Vec<u8>>,
    secret: Option<Secret>,
}

impl Configured {
    fn add(&mut self, found: &Found) -> Result<()> {
        let (private, public) = (part(found, &["privateKeyPEM"])?, part(found, &["publicKeyPEM"])?);
        if private.is_none() && public.is_none() {
            return Err(Error::usage(format!("{}: credentials without RSA keys", found.origin)).hint(
                "RSACredentials/v1 has publicKeyPEM and privateKeyPEM, or publicKeyPEMFile and privateKeyPEMFile",
            ));
        }
        self.private = private.or(self.private.take());
        self.public.extend(public.map(|public| public.reveal().to_vec()));
        self.secret = part(found, &["privateKeyPassphrase", "passphrase"])?.or(self.secret.take());
        Ok(())
    }
}

/// Reads a key or certificate file.
///
/// # Errors
/// It cannot be read, as [`Error::unreadable`] tells; [`Kind::Usage`] if it is larger than any key.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| Error::unreadable(path.display(), &error);
    let mut content = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() as u64 > LARGEST {
        return Err(Error::usage(format!("{}: is larger than the limit of {LARGEST} bytes for keys", path.display())));
    }
    Ok(content)
}
