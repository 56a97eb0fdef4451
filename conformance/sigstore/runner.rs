//! Runs a folder of Sigstore bundle cases, as the public conformance set has them: `./x conformance sigstore FOLDER`.
//!
//! A folder in it, however deep, is a case if it has a bundle; one whose name ends in `_fail` has to be refused, every other
//! one to be accepted. Without a connection.
//!
//! The program also understands the command line with which the test programs of that set ask a client
//! (`docs/cli_protocol.md` there): `verify-bundle --bundle FILE … FILE_OR_DIGEST`, with the answer in the exit code.

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

/// What the bundle is over, where the case has no file of its own; it lies beside the cases.
const ARTIFACT: &str = "a.txt";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let folder = match words.as_slice() {
        [verb, rest @ ..] if verb == "verify-bundle" => return answer(rest),
        [folder] => PathBuf::from(folder),
        _ => {
            eprintln!("usage: ./x conformance sigstore FOLDER");
            return ExitCode::from(2);
        }
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
        let name = case.strip_prefix(&folder).unwrap_or(case).to_string_lossy();
        // A case that cannot be run is wrong, also where it should be refused.
        let (is_right, outcome) = match judge(case) {
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

/// Answers one question of the test programs.
fn answer(words: &[String]) -> ExitCode {
    match asked(words) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(reason)) => {
            eprintln!("refused: {reason}");
            ExitCode::FAILURE
        }
        Err(wrong) => {
            eprintln!("{wrong}");
            ExitCode::from(2)
        }
    }
}

/// The outer error is for questions that are not understood.
fn asked(words: &[String]) -> Result<Result<(), String>, String> {
    let read = |path: &String| fs::read(path).map_err(|error| format!("{path}: {error}"));
    let (mut bundle, mut root, mut key, mut over) = (None, None, None, None);
    let (mut identity, mut issuer) = (String::new(), String::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut next = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--bundle" => bundle = Some(read(next()?)?),
            "--certificate-identity" => identity.clone_from(next()?),
            "--certificate-oidc-issuer" => issuer.clone_from(next()?),
            "--key" => key = Some(read(next()?)?),
            "--trusted-root" => root = Some(read(next()?)?),
            option if option.starts_with("--") => return Err(format!("{option} is not known here")),
            _ => over = Some(word),
        }
    }
    let (Some(bundle), Some(over)) = (bundle, over) else { return Err("a bundle and a file are needed".to_owned()) };
    let digest = over.strip_prefix("sha256:").filter(|hex| hex.len() == 64 && !Path::new(over).exists());
    let content = if digest.is_none() { read(over)? } else { Vec::new() };
    let verify = || {
        let verifier = verifier(root.as_deref(), key.as_deref(), &identity, &issuer)?;
        match digest {
            Some(digest) => verifier.verify_bundle_of_digest(&bundle, digest).map(drop),
            None => verifier.verify_bundle(&bundle, &content).map(drop),
        }
    };
    Ok(verify().map_err(|error| error.to_string()))
}

/// The folders below a folder that have a bundle.
fn cases(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let path = entry.path();
            if path.join("bundle.sigstore.json").exists() {
                cases.push(path);
            } else {
                open.push(path);
            }
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
fn judge(case: &Path) -> Result<Result<(), String>, String> {
    let text = |name: &str, default: &str| -> Result<String, String> {
        let content = part(case, name)?.unwrap_or_else(|| default.as_bytes().to_vec());
        let text = String::from_utf8(content).map_err(|error| format!("{name}: {error}"))?;
        Ok(text.trim().to_owned())
    };
    let bundle = part(case, "bundle.sigstore.json")?.ok_or("bundle.sigstore.json is missing")?;
    let artifact = match part(case, "artifact")? {
        Some(artifact) => artifact,
        None => part(case.parent().unwrap_or(case), ARTIFACT)?
            .ok_or_else(|| format!("neither artifact nor {ARTIFACT} is there"))?,
    };
    let root = part(case, "trusted_root.json")?;
    let key = part(case, "key.pub")?;
    let (identity, issuer) = (text("identity", IDENTITY)?, text("issuer", ISSUER)?);
    let verify =
        || verifier(root.as_deref(), key.as_deref(), &identity, &issuer)?.verify_bundle(&bundle, &artifact).map(drop);
    Ok(verify().map_err(|error| error.to_string()))
}

/// With a key it is asked for that key, else for an identity; without a root, the public instance is trusted.
fn verifier(
    root: Option<&[u8]>,
    key: Option<&[u8]>,
    identity: &str,
    issuer: &str,
) -> ocm_signing::Result<SigstoreVerifier> {
    let trusted_root = root.map_or_else(TrustedRoot::public, TrustedRoot::read)?;
    let (expected, keys) = match key {
        Some(pem) => (None, SigstoreKey::read_all(pem)?),
        None => {
            let (identity, issuer) = (Match::Exact(identity.to_owned()), Match::Exact(issuer.to_owned()));
            (Some(ExpectedSigner { identity, issuer }), Vec::new())
        }
    };
    Ok(SigstoreVerifier { trusted_root, expected, keys, private_infrastructure: false, minimum_bits: 0 })
}
