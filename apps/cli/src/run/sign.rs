use ocm::ops::sign::{self, Request};
use ocm::signing::{Algorithm, Encoding, SignedDigest};

use super::trust::{self, add_private, keys, rsa, scratch, specification};
use super::{Session, versions};
use crate::args::{Dialect, SignComponentVersion, SignHash, SignKind};
use crate::exit::Failure;
use crate::print::{self, out};

/// Signs component versions or digests.
pub(crate) async fn run(session: &Session, kind: SignKind) -> Result<(), Failure> {
    match kind {
        SignKind::ComponentVersion(arguments) => component_version(session, arguments).await,
        SignKind::Hash(arguments) => hash(session, arguments).await,
    }
}

async fn component_version(session: &Session, arguments: SignComponentVersion) -> Result<(), Failure> {
    let is_older = session.dialect == Dialect::V1;
    let name = arguments.signature.as_str();
    let mut keys = keys(session, &arguments.keys, Some(name))?;
    add_private(&mut keys, &arguments.private_key, arguments.passphrase_file.as_ref(), Some(name))?;
    let (algorithm, encoding) = how(session, &arguments)?;
    let signer = keys.signer(name, algorithm, encoding)?;
    let request = Request {
        signature: name.to_owned(),
        normalisation: normalisation(session, arguments.normalisation),
        hash: arguments.hash,
        exactly_one: !is_older,
        // The older program replaces without asking.
        force: arguments.force || is_older,
        dry_run: arguments.dry_run,
        content: arguments.content.unwrap_or(is_older),
        scratch: scratch(session),
        versions: versions(arguments.references, arguments.selection, arguments.recursive),
    };
    let report = sign::run(&session.context, &request, signer.as_ref()).await?;
    if arguments.dry_run {
        tracing::info!(target: "ocm", "dry run: signature not persisted");
    } else {
        for signed in &report.versions {
            tracing::info!(
                target: "ocm",
                name = request.signature,
                digest = signed.digest.value,
                hashAlgorithm = signed.digest.hash_algorithm,
                normalisationAlgorithm = signed.digest.normalisation_algorithm,
                "signed successfully"
            );
        }
    }
    out(&match arguments.output {
        None if is_older => print::sign::older(&report),
        form => print::sign::signatures(&report, form.unwrap_or_default().into())?,
    })
}

/// Algorithm and form of the signature: as flags say, else as the configuration says, else as the program does.
fn how(session: &Session, arguments: &SignComponentVersion) -> Result<(Algorithm, Option<Encoding>), Failure> {
    let is_older = session.dialect == Dialect::V1;
    let configured = session.configuration.signing(&arguments.signature).map_err(ocm::Error::from)?.signer;
    let signer = match &arguments.signer_spec {
        Some(path) => Some(specification(path)?),
        None => configured,
    };
    let signer = signer.as_ref().map(|signer| rsa(signer, "signer")).transpose()?;
    let named = arguments.algorithm.as_deref().or(signer.as_ref().and_then(|signer| signer.algorithm));
    let algorithm = match named {
        Some(name) => trust_algorithm(name)?,
        None if is_older => Algorithm::Pkcs1V15,
        None => Algorithm::Pss,
    };
    let encoding = match signer.as_ref().and_then(|signer| signer.encoding) {
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

fn trust_algorithm(name: &str) -> Result<Algorithm, Failure> {
    Algorithm::parse(name).ok_or_else(|| {
        Failure::usage(format!("signature algorithm {name:?} is unknown")).hint("use RSASSA-PSS or RSASSA-PKCS1-V1_5")
    })
}

/// The normalisation that is meant. The current program takes v3 for another word for v4alpha1 and writes that into signatures.
fn normalisation(session: &Session, named: Option<String>) -> String {
    const V3: &str = "jsonNormalisation/v3";
    const V4: &str = "jsonNormalisation/v4alpha1";
    match (session.dialect, named) {
        (Dialect::V1, None) => V3.to_owned(),
        (Dialect::V2, None) => V4.to_owned(),
        (Dialect::V2, Some(name)) if name == V3 => {
            tracing::warn!(target: "ocm", legacy = V3, new = V4, "legacy normalisation algorithm detected, using v4alpha1");
            V4.to_owned()
        }
        (_, Some(name)) => name,
    }
}

async fn hash(session: &Session, arguments: SignHash) -> Result<(), Failure> {
    let algorithm = trust_algorithm(&arguments.algorithm)?;
    let mut keys = trust::keys(session, &arguments.keys, Some("hash"))?;
    keys.name_is_subject = false;
    let private = vec![format!("hash={}", arguments.key.display())];
    add_private(&mut keys, &private, arguments.passphrase_file.as_ref(), Some("hash"))?;
    let (hash, value) = arguments.digest.split_once(':').ok_or_else(|| {
        Failure::usage(format!("{:?} is no digest", arguments.digest)).hint("write SHA-256:<hexadecimal digits>")
    })?;
    let digest = ocm::model::DigestSpec { hash_algorithm: hash.into(), value: value.into(), ..Default::default() };
    let digest = SignedDigest::new(&digest).map_err(|error| Failure::usage(error.to_string()))?;
    let signer = keys.signer("hash", algorithm, None)?;
    let value = signer.sign(&digest).await.map_err(ocm::Error::from)?;
    out(&print::object(crate::args::ReportForm::from(arguments.output).into(), &value)?)
}
