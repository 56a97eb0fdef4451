//! Who signs, and how: flags first, then the configuration, then what the program does by itself.

use std::env;
use std::path::Path;

use ocm::model::TypedObject;
use ocm::ops::keys::{Keys, Specification, Way};
use ocm::ops::sign;
use ocm::signing::sigstore::algorithm as sigstore;
use ocm::signing::{Algorithm, Encoding, Secret, Signer};
use serde_json::Value;

use super::Session;
use super::trust::{add_private, address, specification};
use crate::args::{Dialect, SignComponentVersion};
use crate::exit::Failure;

/// Names of algorithms by which the older program asks for a signing server.
const SERVICES: [(&str, Algorithm); 2] =
    [("rsa-signingservice", Algorithm::Pkcs1V15), ("rsapss-signingservice", Algorithm::Pss)];

/// Whoever signs.
pub(super) async fn signer(
    session: &Session,
    arguments: &SignComponentVersion,
    keys: &mut Keys,
) -> Result<Box<dyn Signer>, Failure> {
    let name = arguments.signature.as_str();
    let specification = match &arguments.signer_spec {
        Some(path) => Some(self::specification(path)?),
        None => session.configuration.signing(name).map_err(ocm::Error::from)?.signer,
    };
    let default = if session.dialect == Dialect::V1 { Algorithm::Pkcs1V15 } else { Algorithm::Pss };
    let asked = arguments.algorithm.as_deref();
    let shown = arguments.identity_token.as_deref();
    let from_environment = env::var("SIGSTORE_ID_TOKEN").ok();
    let for_sigstore = [
        ("--trusted-root", arguments.trusted_root.is_some()),
        ("--identity-token", shown.is_some() && shown != from_environment.as_deref()),
    ];
    let for_certificates = [
        ("--public-key", !arguments.keys.public_key.is_empty()),
        ("--issuer", !arguments.keys.issuer.is_empty()),
        ("--ca-cert", !arguments.keys.ca_cert.is_empty() && arguments.time_stamping().is_none()),
    ];
    let has_passphrase = arguments.passphrase_file.is_some();
    if let Some((_, algorithm)) = SERVICES.iter().find(|(service, _)| asked == Some(service)) {
        let from_file = || address(&arguments.private_key, name);
        let address = arguments.signing_service.clone().map_or_else(from_file, Ok)?;
        refuse("a signing server", &for_sigstore)?;
        return Ok(keys.service(&session.context, name, &address, *algorithm).await?);
    }
    let kind = specification.as_ref().and_then(|members| members.get("type")).and_then(Value::as_str);
    // A key that was named is what is meant.
    let foreign = kind.filter(|kind| arguments.private_key.is_empty() && !Specification::is_built_in(kind));
    let known = specification.as_ref().filter(|_| foreign.is_none());
    let known = known.map(|members| Specification::read(members, "signer")).transpose()?;
    if let Some(remote) = Remote::find(arguments, known.as_ref())? {
        let named = arguments.algorithm.as_deref().or(remote.algorithm);
        let algorithm = named.map(algorithm).transpose()?.unwrap_or(default);
        refuse("a signing server or program", &for_sigstore)?;
        return Ok(match remote.place {
            Place::Service(address) => keys.service(&session.context, name, address, algorithm).await?,
            Place::Command(words) => keys.command(name, &words, algorithm)?,
        });
    }
    if let (Some(kind), Some(members)) = (foreign, &specification) {
        refuse("a plugin", &[&for_sigstore[..], &for_certificates, &[("--passphrase-file", has_passphrase)]].concat())?;
        let mut members = members.clone();
        members.remove("type");
        let specification = TypedObject { kind: kind.to_owned(), members };
        return Ok(sign::plugin_signer(&session.context, name, &specification));
    }
    add_private(keys, &arguments.private_key, arguments.passphrase_file.as_ref(), Some(name))?;
    keys.signer.clone_from(&specification);
    keys.sigstore.trusted_root = arguments.trusted_root.as_deref().map(ocm::ops::keys::read).transpose()?;
    keys.sigstore.token = arguments.identity_token.as_deref().map(token).transpose()?;
    let workflow = ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"].map(|name| env::var(name).ok());
    if let [Some(address), Some(bearer)] = workflow {
        keys.sigstore.workflow = Some((address, Secret::new(bearer)));
    }
    // Of its two forms the older program makes the one that says who signed.
    let asked = asked.or(arguments.keyless.then_some(sigstore::CERTIFICATE_ENTRY));
    if let Some((way, signer)) = keys.other_signer(&session.context, name, asked, arguments.dry_run).await? {
        match way {
            Way::OpenPgp => refuse("an OpenPGP key", &[&for_sigstore[..], &for_certificates].concat())?,
            _ => refuse("Sigstore", &[&for_certificates[..], &[("--passphrase-file", has_passphrase)]].concat())?,
        }
        return Ok(signer);
    }
    refuse("an RSA key", &for_sigstore)?;
    let (algorithm, encoding) = how(session, arguments, known.as_ref(), default)?;
    Ok(keys.signer(name, algorithm, encoding).await?)
}

/// Refuses flags that mean nothing to who signs: somebody believes that they do.
fn refuse(who: &str, flags: &[(&str, bool)]) -> Result<(), Failure> {
    match flags.iter().find(|(_, is_named)| *is_named) {
        Some((flag, _)) => Err(Failure::usage(format!("{flag} means nothing where {who} signs")).hint("leave it out")),
        None => Ok(()),
    }
}

/// An identity token, or the one in the file that was named. What is neither stays out of the message: it may be a secret.
fn token(text: &str) -> Result<Secret, Failure> {
    let path = Path::new(text);
    if path.exists() {
        return Ok(Secret::new(ocm::ops::keys::read(path)?));
    }
    if text.matches('.').count() == 2 {
        return Ok(Secret::new(text));
    }
    Err(Failure::usage(
        "the identity token (--identity-token, SIGSTORE_ID_TOKEN) is neither a token nor a file that exists",
    ))
}

/// Somebody who keeps the key.
struct Remote<'a> {
    place: Place<'a>,
    algorithm: Option<&'a str>,
}

enum Place<'a> {
    Service(&'a str),
    Command(Vec<String>),
}

impl<'a> Remote<'a> {
    fn find(
        arguments: &'a SignComponentVersion,
        specification: Option<&'a Specification>,
    ) -> Result<Option<Self>, Failure> {
        let flag = |place| Ok(Some(Self { place, algorithm: None }));
        if let Some(program) = &arguments.signer_command {
            return flag(Place::Command(vec![program.clone()]));
        }
        if let Some(address) = &arguments.signing_service {
            return flag(Place::Service(address));
        }
        // A key that was named is what is meant.
        let Some(specification) = specification.filter(|_| arguments.private_key.is_empty()) else { return Ok(None) };
        let place = match specification.way {
            Way::Service => Place::Service(specification.needed("url")?),
            Way::Command => Place::Command(specification.words("command")?),
            _ => return Ok(None),
        };
        Ok(Some(Self { place, algorithm: specification.text("signatureAlgorithm") }))
    }
}

/// Algorithm and form of the signature of a key at hand.
fn how(
    session: &Session,
    arguments: &SignComponentVersion,
    specification: Option<&Specification>,
    default: Algorithm,
) -> Result<(Algorithm, Option<Encoding>), Failure> {
    let is_older = session.dialect == Dialect::V1;
    let signer = specification;
    if let Some(signer) = signer.filter(|signer| signer.way != Way::Rsa) {
        let reason = format!("the signer specification asks for {:?}, but the key is one of RSA", signer.way);
        return Err(Failure::usage(reason).hint("use RSASigningConfiguration/v1alpha1"));
    }
    let named = arguments.algorithm.as_deref().or(signer.and_then(|signer| signer.text("signatureAlgorithm")));
    let algorithm = named.map(algorithm).transpose()?.unwrap_or(default);
    let encoding = match signer.and_then(|signer| signer.text("signatureEncodingPolicy")) {
        Some("PEM") => Some(Encoding::Pem),
        Some("Plain") => Some(Encoding::Plain),
        Some(other) => {
            return Err(Failure::usage(format!("signatureEncodingPolicy {other:?} means nothing: Plain and PEM do")));
        }
        // Without a word the older program follows the key, the current one is plain.
        None if is_older => None,
        None => Some(Encoding::Plain),
    };
    if signer.is_none() && !is_older && arguments.algorithm.is_none() {
        tracing::info!(target: "ocm", algorithm = algorithm.name(), encodingPolicy = "Plain", "no signer configured, using default");
    }
    Ok((algorithm, encoding))
}

/// An algorithm by its name.
pub(super) fn algorithm(name: &str) -> Result<Algorithm, Failure> {
    Algorithm::parse(name).ok_or_else(|| {
        Failure::usage(format!("signature algorithm {name:?} is unknown")).hint("use RSASSA-PSS or RSASSA-PKCS1-V1_5")
    })
}
