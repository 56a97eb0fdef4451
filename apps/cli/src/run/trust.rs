//! Keys from flags and configuration, for signing and verifying.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ocm::ops::keys::{self, Keys};
use ocm::ops::verify::{Gate, Request};
use ocm::signing::{Policy, Secret};
use serde_json::{Map, Value};

use super::Session;
use crate::args::{Dialect, KeyOptions, PolicyOptions, SigstoreOptions, TrustOptions};
use crate::exit::Failure;

/// Component versions that are verified at the same time.
const AT_ONCE: usize = 4;

/// What a key was named as: `[NAME=]FILE`, the content itself after `=` or, in base64, after `!`.
struct Named {
    /// The signature it is for.
    name: Option<String>,
    pem: Vec<u8>,
}

fn named(text: &str, default: Option<&str>, what: &str) -> Result<Named, Failure> {
    let (name, place) = match text.split_once('=') {
        // A file of this name is what is meant, whatever is in its name.
        Some((name, place)) if !name.is_empty() && !Path::new(text).exists() => (Some(name), place),
        _ => (None, text),
    };
    let name = name.or(default).map(str::to_owned);
    if name.is_none() {
        return Err(Failure::usage(format!("{what} {text}: the name of the signature is missing"))
            .hint("write NAME=FILE, or name the signature with --signature or, for verifying, --require"));
    }
    let pem = match place.strip_prefix('=') {
        Some(literal) => literal.as_bytes().to_vec(),
        None => keys::read(Path::new(place)).map_err(|error| Failure::from(error.during(what)))?,
    };
    Ok(Named { name, pem })
}

/// The keys that flags and configuration name. `name` is the one signature that is meant, if there is one.
pub(super) fn keys(session: &Session, options: &KeyOptions, name: Option<&str>) -> Result<Keys, Failure> {
    let mut keys = Keys::default().configured(&session.context, &session.configuration)?;
    for text in &options.public_key {
        let Named { name, pem } = named(text, name, "public key")?;
        keys::check_public(&pem).map_err(|error| Failure::from(error.during(format!("public key {text}"))))?;
        keys.public.push((name, pem));
    }
    for (paths, roots) in [(&options.ca_cert, &mut keys.authorities), (&options.tsa_cert, &mut keys.time_authorities)] {
        for path in paths {
            let content = keys::read(path)?;
            keys::check_roots(&content).map_err(|error| Failure::from(error.during(path.display())))?;
            roots.push(content);
        }
    }
    for text in &options.issuer {
        // `release=CN=acme.org` names a signature, `CN=acme.org` does not.
        let attributes =
            ["CN", "C", "O", "OU", "L", "ST", "S", "STREET", "POSTALCODE", "SN", "SERIALNUMBER", "DC", "UID"];
        let of = text.split_once('=').filter(|(key, rest)| {
            !attributes.iter().any(|attribute| attribute.eq_ignore_ascii_case(key))
                && !rest.is_empty()
                && !text.starts_with('/')
        });
        keys.issuers.push(match of {
            Some((name, subject)) => (Some(name.to_owned()), subject.to_owned()),
            None => (None, text.clone()),
        });
    }
    keys.name_is_subject = session.dialect == Dialect::V1;
    Ok(keys)
}

/// Adds what Sigstore signatures are judged by.
pub(super) fn expect(keys: &mut Keys, options: &SigstoreOptions) -> Result<(), Failure> {
    keys.sigstore.identity.clone_from(&options.certificate_identity);
    keys.sigstore.identity_pattern.clone_from(&options.certificate_identity_regexp);
    keys.sigstore.issuer.clone_from(&options.certificate_oidc_issuer);
    keys.sigstore.issuer_pattern.clone_from(&options.certificate_oidc_issuer_regexp);
    keys.sigstore.trusted_root = options.trusted_root.as_deref().map(keys::read).transpose()?;
    keys.sigstore.only = options.keyless;
    Ok(())
}

/// Adds what only signing needs.
pub(super) fn add_private(
    keys: &mut Keys,
    private: &[String],
    passphrase: Option<&PathBuf>,
    name: Option<&str>,
) -> Result<(), Failure> {
    for text in private {
        let Named { name, pem } = named(text, name, "private key")?;
        if keys.private.iter().any(|(of, _)| *of == name) {
            let name = name.unwrap_or_default();
            return Err(Failure::usage(format!("two private keys are named for signature {name:?}: one signs")));
        }
        keys.private.push((name, Secret::new(pem)));
    }
    if let Some(path) = passphrase {
        keys.secret = Some(Secret::new(keys::read(path)?));
    }
    Ok(())
}

/// The address of a signing server, which the older program keeps in a file in place of a private key: `url: https://…`.
pub(super) fn address(private: &[String], name: &str) -> Result<String, Failure> {
    for text in private {
        let Named { name: of, pem } = named(text, Some(name), "private key")?;
        if of.as_deref() == Some(name) {
            let text = String::from_utf8_lossy(&pem);
            let members = ocm::model::yaml::read::<Value>(&text).map_err(|error| Failure::usage(error.to_string()))?;
            let url = members.get("url").and_then(Value::as_str).map(str::to_owned);
            return url.ok_or_else(|| Failure::usage("the file of the private key has no url of a signing server"));
        }
    }
    Err(Failure::usage("the address of the signing server is missing")
        .hint("name it with --signing-service URL, or the file with its url with --private-key"))
}

/// The policy that flags ask for.
pub(super) fn policy(options: &PolicyOptions) -> Policy {
    Policy {
        required: options.require.clone(),
        algorithms: options.allow_algorithm.clone(),
        normalisations: options.allow_normalisation.clone(),
        minimum_bits: options.minimum_key_size as usize,
    }
}

/// What has to be right before content moves; `None` if nothing was asked for.
pub(super) fn gate(session: &Session, is_wanted: bool, options: &TrustOptions) -> Result<Option<Arc<Gate>>, Failure> {
    let is_wanted = is_wanted || !options.policy.require.is_empty();
    if !is_wanted && options.names_any() {
        // Whoever names a key, or what counts, believes that something is verified by it.
        let reason = "keys or what counts as a signature are named, but nothing is verified";
        return Err(Failure::usage(reason).hint("add --verify, or leave them out"));
    }
    if !is_wanted {
        return Ok(None);
    }
    let mut keys = keys(session, &options.keys, Some(""))?;
    keys.public.iter_mut().for_each(|(name, _)| *name = name.take().filter(|name| !name.is_empty()));
    expect(&mut keys, &options.policy.sigstore)?;
    keys.name_is_subject = false;
    let request =
        Request { policy: policy(&options.policy), at: at(&options.policy), at_once: AT_ONCE, ..Request::default() };
    Ok(Some(Arc::new(Gate { request, keys })))
}

/// The time as of which certificates are judged.
pub(super) fn at(options: &PolicyOptions) -> Option<SystemTime> {
    let seconds = options.at.map(|at| at.as_second().try_into().unwrap_or_default());
    seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A specification from a file, JSON or YAML.
pub(super) fn specification(path: &Path) -> Result<Map<String, Value>, Failure> {
    let wrong = |reason: String| Failure::usage(format!("{}: {reason}", path.display()));
    let content = keys::read(path)?;
    let text = String::from_utf8(content).map_err(|error| wrong(error.to_string()))?;
    let value = ocm::model::yaml::read::<Value>(&text).map_err(|error| wrong(error.to_string()))?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(wrong("a mapping with a type is expected".into())),
    }
}
