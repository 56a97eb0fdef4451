//! The program behind `./x conformance sigstore`: with cases of our own making, and with a part of the public set.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ocm_model::DigestSpec;
use ocm_model::digest::HashAlgorithm;
use ocm_signing::sigstore::{Form, IdentityToken, Services, SigstoreSigner, TrustedRoot};
use ocm_signing::{Secret, SignedDigest, Signer as _};
use ocm_testkit::sigstore::{Fault, Sigstore};

/// The program, which is built where all tests of the crate are.
fn runner() -> Option<PathBuf> {
    let here = std::env::current_exe().unwrap();
    let path = here.parent()?.parent()?.join("examples/sigstore");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not built: cargo build -p ocm-signing --example sigstore", path.display());
    None
}

fn run(runner: &Path, folder: &Path) -> (Option<i32>, String) {
    let Output { status, stdout, .. } = Command::new(runner).arg(folder).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap())
}

#[tokio::test]
async fn cases_are_judged_by_their_names() {
    let Some(runner) = runner() else { return };
    let instance = Sigstore::start(Fault::None);
    let signer = SigstoreSigner {
        client: ocm_http::Client::default(),
        services: Services::read(instance.signing_config().as_bytes()).unwrap(),
        token: IdentityToken::read(&Secret::new(Sigstore::token("a@b.c", "https://issuer")), SystemTime::now())
            .unwrap(),
        trusted_root: TrustedRoot::read(instance.trusted_root().as_bytes()).unwrap(),
        form: Form::Bundle,
    };
    let digest = DigestSpec::new(HashAlgorithm::Sha256, "jsonNormalisation/v4alpha1", "61".repeat(32));
    let value = signer.sign(&SignedDigest::new(&digest).unwrap()).await.unwrap();
    let bundle = STANDARD.decode(value.value).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let case = |name: &str, change: &[(&str, &[u8])]| {
        let case = folder.path().join(name);
        std::fs::create_dir(&case).unwrap();
        let root = instance.trusted_root();
        let parts: [(&str, &[u8]); 4] = [
            ("bundle.sigstore.json", &bundle),
            ("identity", b"a@b.c\n"),
            ("issuer", b"https://issuer"),
            ("trusted_root.json", root.as_bytes()),
        ];
        for (name, content) in parts.iter().chain(change) {
            std::fs::write(case.join(name), content).unwrap();
        }
    };
    std::fs::write(folder.path().join("a.txt"), "a".repeat(32)).unwrap();
    std::fs::create_dir(folder.path().join("no case")).unwrap();
    case("right", &[]);
    case("artifact_fail", &[("artifact", b"b")]);
    case("identity_fail", &[("identity", b"x@b.c")]);
    case("issuer_fail", &[("issuer", b"https://other")]);
    case("bundle_fail", &[("bundle.sigstore.json", b"{}")]);
    case("root_fail", &[("trusted_root.json", Sigstore::start(Fault::None).trusted_root().as_bytes())]);
    let (status, text) = run(&runner, folder.path());
    assert!(status == Some(0) && text.ends_with("6 of 6 cases are right\n"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("ok ")).count(), 6, "{text}");

    // The way the test programs of the public set ask.
    let ask = |over: &str, who: &str| {
        let part = |name: &str| folder.path().join("right").join(name).display().to_string();
        let (bundle, root) = (part("bundle.sigstore.json"), part("trusted_root.json"));
        let words = ["verify-bundle", "--bundle", &bundle, "--certificate-identity", who, "--certificate-oidc-issuer"];
        let more = ["https://issuer", "--trusted-root", &root, over];
        Command::new(&runner).args(words).args(more).status().unwrap().code()
    };
    let file = folder.path().join("a.txt").display().to_string();
    assert_eq!(ask(&file, "a@b.c"), Some(0));
    assert_eq!(ask(&file, "x@b.c"), Some(1));
    let of_content = |content: &[u8]| format!("sha256:{}", ocm_blob::Digest::of(content).hex());
    assert_eq!(ask(&of_content("a".repeat(32).as_bytes()), "a@b.c"), Some(0));
    assert_eq!(ask(&of_content(b"b"), "a@b.c"), Some(1));
    assert_eq!(ask("/nowhere", "a@b.c"), Some(2));

    // Cases are found where the public set has them, too.
    let above = tempfile::tempdir().unwrap();
    let below = above.path().join("test/assets/bundle-verify");
    std::fs::create_dir_all(below.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(folder.path(), above.path().join("elsewhere")).unwrap();
    std::fs::create_dir(&below).unwrap();
    for name in ["right", "artifact_fail"] {
        std::fs::create_dir(below.join(name)).unwrap();
        for part in std::fs::read_dir(folder.path().join(name)).unwrap() {
            let part = part.unwrap();
            std::fs::copy(part.path(), below.join(name).join(part.file_name())).unwrap();
        }
    }
    std::fs::copy(folder.path().join("a.txt"), below.join("a.txt")).unwrap();
    let (status, text) = run(&runner, above.path());
    assert!(status == Some(0) && text.ends_with("2 of 2 cases are right\n"), "{text}");

    case("should-pass", &[("artifact", b"b")]);
    case("should-not-pass_fail", &[]);
    let (status, text) = run(&runner, folder.path());
    assert!(status == Some(1) && text.ends_with("6 of 8 cases are right\n"), "{text}");
    assert!(text.contains("WRONG should-pass: ") && text.contains("WRONG should-not-pass_fail: "), "{text}");
    // A case that cannot be run is not one that was refused.
    std::fs::remove_file(folder.path().join("a.txt")).unwrap();
    assert!(run(&runner, folder.path()).1.contains("WRONG identity_fail: cannot be run"));
    assert_eq!(run(&runner, &folder.path().join("no case")).0, Some(2));
}

#[test]
fn a_part_of_the_public_set() {
    let folder = Path::new("../../../shared/vectors/sigstore");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not here", folder.display());
        return;
    }
    let Some(runner) = runner() else { return };
    let (status, text) = run(&runner, folder);
    assert_eq!(status, Some(0), "{text}");
}
