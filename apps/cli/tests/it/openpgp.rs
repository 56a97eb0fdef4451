use std::fs;
use std::path::Path;

use crate::sandbox::Sandbox;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";

/// A sandbox with keys of `GnuPG`, and a configuration that knows two of them.
fn with_keys() -> Sandbox {
    let sandbox = Sandbox::hello();
    for name in ["rsa.priv", "rsa.pub", "curve.priv", "curve.pub", "expired.priv", "revoked.pub"] {
        let path = Path::new("../../conformance/openpgp").join(name);
        sandbox.file(name, &fs::read_to_string(path).unwrap());
    }
    sandbox.file("passphrase", "correct horse\n").file("signer.yaml", "type: GPGSigningConfiguration/v1alpha1\n").file(
        "c.yaml",
        "\
type: generic.config.ocm.software/v1
configurations:
- type: credentials.config.ocm.software/v1
  consumers:
  - identity: {type: GPG/v1alpha1, signature: default}
    credentials:
    - {type: GPGCredentials/v1alpha1, privateKeyPGPFile: curve.priv, publicKeyPGPFile: curve.pub, passphrase: correct horse}
  - identity: {type: GPG/v1alpha1, signature: private}
    credentials: [{type: GPGCredentials/v1alpha1, privateKeyPGPFile: rsa.priv}]
- type: signing.config.ocm.software/v1alpha1
  signer: {type: GPGSigningConfiguration/v1alpha1, hashAlgorithm: SHA-512}
  verifier: {type: GPGSigningConfiguration/v1alpha1}
",
    );
    sandbox
}

#[test]
fn a_configuration_signs_and_verifies() {
    let sandbox = with_keys();
    let text = sandbox.ok(&format!("sign cv {HELLO} --config c.yaml"));
    assert!(text.contains("algorithm: GPG") && text.contains("mediaType: application/vnd.ocm.signature.gpg"), "{text}");
    assert!(text.contains("-----BEGIN PGP SIGNATURE-----"), "{text}");
    let report = sandbox.ok(&format!("verify cv {HELLO} --config c.yaml -o yaml"));
    assert!(report.contains("by: openpgp") && report.contains("87D42990B77FB70421F02D81677D2FFB0D524C5E"), "{report}");
    // Where only the private key is known, its public half verifies.
    sandbox.ok(&format!("sign cv {HELLO} --config c.yaml --signature private"));
    sandbox.ok(&format!("verify cv {HELLO} --config c.yaml"));
    sandbox.fails(&format!("verify cv {HELLO}"), 5);
    // Keys that the configuration has are no word about what kind of signature counts.
    let without = sandbox.read("c.yaml").replace("  verifier: {type: GPGSigningConfiguration/v1alpha1}\n", "");
    sandbox.file("without.yaml", &without).file("verifier.yaml", "type: GPGSigningConfiguration/v1alpha1\n");
    let problem = sandbox.fails(&format!("verify cv {HELLO} --config without.yaml"), 5);
    assert!(problem.contains("which nothing asks for") && problem.contains("--verifier-spec"), "{problem}");
    sandbox.ok(&format!("verify cv {HELLO} --config without.yaml --verifier-spec verifier.yaml"));
}

#[test]
fn keys_are_named_with_flags() {
    let sandbox = with_keys();
    sandbox.ok(&format!("sign cv {HELLO} --signer-spec signer.yaml --private-key rsa.priv"));
    sandbox.ok(&format!("verify cv {HELLO} -s default --public-key rsa.pub"));
    assert!(sandbox.fails(&format!("verify cv {HELLO} -s default --public-key curve.pub"), 5).contains("OpenPGP"));
    let locked = format!("sign cv {HELLO} --signature curve --signer-spec signer.yaml --private-key curve.priv");
    assert!(sandbox.fails(&locked, 2).contains("passphrase"));
    sandbox.ok(&format!("{locked} --passphrase-file passphrase"));
    sandbox.ok(&format!("verify cv {HELLO} -s curve --public-key curve.pub"));
    let expired = sandbox
        .fails(&format!("sign cv {HELLO} --signature x --signer-spec signer.yaml --private-key expired.priv"), 5);
    assert!(expired.contains("expired"), "{expired}");
}

#[test]
fn a_specification_names_the_key() {
    let sandbox = with_keys();
    let specify = |fingerprint: &str| {
        sandbox.file(
            "named.yaml",
            &format!("{{type: GPGSigningConfiguration/v1alpha1, keyFingerprint: '{fingerprint}'}}\n"),
        );
    };
    specify("7D340DC53B39BD7930981E4D37A3CE8C01E593A7");
    sandbox.ok(&format!("sign cv {HELLO} --signer-spec named.yaml --private-key rsa.priv"));
    sandbox.ok(&format!("verify cv {HELLO} -s default --verifier-spec named.yaml --public-key rsa.pub"));
    specify("677D2FFB0D524C5E");
    sandbox.fails(&format!("sign cv {HELLO} --signature x --signer-spec named.yaml --private-key rsa.priv"), 2);
    sandbox.fails(&format!("verify cv {HELLO} -s default --verifier-spec named.yaml --public-key rsa.pub"), 5);
    sandbox.file("hash.yaml", "{type: GPGSigningConfiguration/v1alpha1, hashAlgorithm: SHA512}\n");
    let problem =
        sandbox.fails(&format!("sign cv {HELLO} --signature x --signer-spec hash.yaml --private-key rsa.priv"), 2);
    assert!(problem.contains("SHA-512"), "{problem}");
}
