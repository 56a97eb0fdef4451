use ocm::ops::sign::{self, Request, Timestamping};
use ocm::signing::SignedDigest;

use super::signer::{algorithm, signer};
use super::trust::{self, add_private, keys};
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
    let signer = signer(session, &arguments, &mut keys).await?;
    let timestamping = match arguments.time_stamping() {
        Some(authority) => Some(Timestamping { authority: authority.to_owned(), verifier: keys.timestamps(name, 0)? }),
        None if !arguments.keys.tsa_cert.is_empty() => {
            return Err(Failure::usage("--tsa-cert says whose timestamp counts, but none is asked for")
                .hint("add --tsa, or leave it out"));
        }
        None => None,
    };
    let request = Request {
        signature: name.to_owned(),
        normalisation: normalisation(session, arguments.normalisation),
        hash: arguments.hash.unwrap_or_else(|| session.hash.to_owned()),
        exactly_one: !is_older,
        // The older program replaces without asking.
        force: arguments.force || is_older,
        dry_run: arguments.dry_run,
        content: arguments.content.unwrap_or(is_older),
        timestamping,
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
    let algorithm = algorithm(&arguments.algorithm)?;
    let mut keys = trust::keys(session, &arguments.keys, Some("hash"))?;
    keys.name_is_subject = false;
    let private = vec![format!("hash={}", arguments.key.display())];
    add_private(&mut keys, &private, arguments.passphrase_file.as_ref(), Some("hash"))?;
    let (hash, value) = arguments.digest.split_once(':').ok_or_else(|| {
        Failure::usage(format!("{:?} is no digest", arguments.digest)).hint("write SHA-256:<hexadecimal digits>")
    })?;
    let digest = ocm::model::DigestSpec { hash_algorithm: hash.into(), value: value.into(), ..Default::default() };
    let digest = SignedDigest::new(&digest).map_err(|error| Failure::usage(error.to_string()))?;
    let signer = keys.signer("hash", algorithm, None).await?;
    let value = signer.sign(&digest).await.map_err(ocm::Error::from)?;
    out(&print::object(crate::args::ReportForm::from(arguments.output).into(), &value)?)
}
