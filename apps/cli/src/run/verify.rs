use ocm::ops::verify::{self, Report, Request};

use super::trust::{at, expect, keys, policy, specification};
use super::{Session, versions};
use crate::args::{Dialect, VerifyKind};
use crate::exit::Failure;
use crate::print::{self, object, out};

/// Verifies component versions.
pub(crate) async fn run(session: &Session, kind: VerifyKind) -> Result<(), Failure> {
    let VerifyKind::ComponentVersion(arguments) = kind;
    if arguments.local && arguments.resources == Some(true) {
        let reason = "--local leaves content alone, and --resources (-V, --verify) reads it";
        return Err(Failure::usage(reason).hint("leave one of them out"));
    }
    let is_older = session.dialect == Dialect::V1;
    let name = match arguments.signature.as_slice() {
        [name] => Some(name.as_str()),
        // The older program has no key without a name, and no `--require` either.
        _ if is_older && arguments.policy.require.is_empty() => None,
        // A key is for every signature that is looked at.
        _ => Some(""),
    };
    let mut keys = keys(session, &arguments.keys, name)?;
    keys.public.iter_mut().for_each(|(name, _)| *name = name.take().filter(|name| !name.is_empty()));
    keys.verifier = arguments.verifier_spec.as_deref().map(specification).transpose()?;
    expect(&mut keys, &arguments.policy.sigstore)?;
    let request = Request {
        signatures: arguments.signature,
        policy: policy(&arguments.policy),
        resources: !arguments.local && arguments.resources.unwrap_or(is_older),
        visits: is_older && arguments.output.is_none(),
        alone: arguments.local,
        at: at(&arguments.policy),
        at_once: usize::from(arguments.concurrency_limit),
        versions: versions(arguments.references, arguments.selection, false),
    };
    let report = verify::run(&session.context, &request, &keys).await?;
    say(&report);
    match arguments.output {
        Some(form) => out(&object(form.into(), &report)?)?,
        None if is_older => out(&print::verify::older(&report))?,
        None => {}
    }
    match report.error() {
        Some(error) => Err(error.into()),
        None => {
            tracing::info!(target: "ocm", "SIGNATURE VERIFICATION SUCCESSFUL");
            Ok(())
        }
    }
}

fn say(report: &Report) {
    for version in &report.versions {
        for warning in &version.warnings {
            tracing::warn!(target: "ocm", "{warning}");
        }
        for signature in &version.signatures {
            tracing::info!(
                target: "ocm",
                name = signature.name,
                digest = signature.digest.value,
                "signature verified"
            );
        }
        if version.verified {
            tracing::info!(target: "ocm", "{}", print::verify::summary(version));
        }
    }
}
