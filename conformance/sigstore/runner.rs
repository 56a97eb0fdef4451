//! Runs a folder of Sigstore bundle cases, as the public conformance set has them: `./x conformance sigstore FOLDER`.
//!
//! A folder in it is a case; one whose name ends in `_fail` has to be refused, every other one to be accepted. Without a
//! connection.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal of whoever works on the project"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use ocm_signing::sigstore::{ExpectedSigner, Match, SigstoreKey, SigstoreVerifier, TrustedRoot};

/// Who signed the cases that do not say it.
const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// What the bundle is over, where the case has no file of its own.
const ARTIFACT: &str = "a.txt";

fn main() -> ExitCode {
    let Some(folder) = env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: ./x conformance sigstore FOLDER");
        return ExitCode::from(2);
    };
    let cases = match cases(&folder) {
        Ok(cases) if !cases.is_empty() => cases,
        Ok(_) => {
            eprintln!("{}: no folder in it has a bundle.sigstore.json", folder.display());
            return ExitCode::from(2);
        }
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            return ExitCode::from(2);
        }
    };
    let mut right = 0;
    for case in &cases {
        let name = case.file_name().unwrap_or_default().to_string_lossy();
        // A case that cannot be run is wrong, also where it should be refused.
        let (is_right, outcome) = match judge(case, &folder) {
            Ok(Ok(())) => (!name.ends_with("_fail"), "accepted".to_owned()),
            Ok(Err(reason)) => (name.ends_with("_fail"), reason),
            Err(error) => (false, format!("cannot be run: {error}")),
        };
        right += usize::from(is_right);
        println!("{} {name}: {outcome}", if is_right { "ok   " } else { "WRONG" });
    }
    println!("{right} of {} cases are right", cases.len());
    ExitCode::from(u8::from(right != cases.len()))
}

fn cases(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.join("bundle.sigstore.json").exists() {
            cases.push(path);
        }
    }
    cases.sort();
    Ok(cases)
}

/// A file of the case; `None` if it has none of this name. One that is there and cannot be read is a failure of the run, not a
/// reason to use something else in its place.
fn part(case: &Path, name: &str) -> Result<Option<Vec<u8>>, String> {
    match fs::read(case.join(name)) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// Whether the case is accepted; the outer error is for cases that cannot be run.
fn judge(case: &Path, folder: &Path) -> Result<Result<(), String>, String> {
    let text = |name: &str, default: &str| -> Result<String, String> {
        let content = part(case, name)?.unwrap_or_else(|| default.as_bytes().to_vec());
        let text = String::from_utf8(content).map_err(|error| format!("{name}: {error}"))?;
        Ok(text.trim().to_owned())
    };
    let bundle = part(case, "bundle.sigstore.json")?.ok_or("bundle.sigstore.json is missing")?;
    let artifact = match part(case, "artifact")? {
        Some(artifact) => artifact,
        None => part(folder, ARTIFACT)?.ok_or_else(|| format!("neither artifact nor {ARTIFACT} is there"))?,
    };
    let root = part(case, "trusted_root.json")?;
    let key = part(case, "key.pub")?;
    let (identity, issuer) = (text("identity", IDENTITY)?, text("issuer", ISSUER)?);
    let verify = || -> ocm_signing::Result<()> {
        let trusted_root = root.as_deref().map_or_else(TrustedRoot::public, TrustedRoot::read)?;
        let (expected, keys) = match &key {
            Some(pem) => (None, SigstoreKey::read_all(pem)?),
            None => {
                let (identity, issuer) = (Match::Exact(identity.clone()), Match::Exact(issuer.clone()));
                (Some(ExpectedSigner { identity, issuer }), Vec::new())
            }
        };
        let verifier = SigstoreVerifier { trusted_root, expected, keys, private_infrastructure: false };
        verifier.verify_bundle(&bundle, &artifact).map(drop)
    };
    Ok(verify().map_err(|error| error.to_string()))
}
