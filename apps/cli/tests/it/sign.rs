use serde_json::Value;

use crate::sandbox::Sandbox;

/// A configuration with keys for two signatures.
pub(crate) const CONFIGURATION: &str = "\
type: generic.config.ocm.software/v1
configurations:
- type: credentials.config.ocm.software/v1
  consumers:
  - identity: {type: RSA/v1alpha1, algorithm: RSASSA-PSS, signature: default}
    credentials: [{type: RSACredentials/v1, privateKeyPEMFile: a.priv, publicKeyPEMFile: a.pub}]
  - identity: {type: RSA/v1alpha1, algorithm: RSASSA-PKCS1-V1_5, signature: release}
    credentials: [{type: RSACredentials/v1, privateKeyPEMFile: a.priv, publicKeyPEMFile: a.pub}]
- {type: signing.config.ocm.software, signature: release, signer: {type: RSASigningConfiguration/v1alpha1, signatureAlgorithm: RSASSA-PKCS1-V1_5}}
";

/// A sandbox with a key pair and a configuration that knows it.
pub(crate) fn with_keys(sandbox: Sandbox) -> Sandbox {
    sandbox.file("c.yaml", CONFIGURATION).ok("create rsakeypair a.priv a.pub");
    sandbox
}

pub(crate) fn signatures(sandbox: &Sandbox, reference: &str) -> Vec<String> {
    let list: Value = serde_json::from_str(&sandbox.ok(&format!("get cv {reference} -o json"))).unwrap();
    let names = list[0]["signatures"].as_array().cloned().unwrap_or_default();
    names.iter().map(|signature| signature["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_configuration_says_how() {
    let sandbox = with_keys(Sandbox::hello());
    let hello = "ctf//acme.org/hello:1.0.0";
    let signature: Value =
        serde_json::from_str(&sandbox.ok(&format!("sign cv {hello} --config c.yaml -o json"))).unwrap();
    assert_eq!(signature["name"], "default");
    assert_eq!(signature["signature"]["algorithm"], "RSASSA-PSS");
    assert_eq!(signature["signature"]["mediaType"], "application/vnd.ocm.signature.rsa.pss");
    assert_eq!(signature["digest"]["normalisationAlgorithm"], "jsonNormalisation/v4alpha1");
    let text = sandbox.ok(&format!("sign cv {hello} --config c.yaml --signature release --hash SHA-512"));
    assert!(text.contains("algorithm: RSASSA-PKCS1-V1_5") && text.contains("hashAlgorithm: SHA-512"), "{text}");
    assert_eq!(signatures(&sandbox, hello), ["default", "release"]);
    sandbox.ok(&format!("verify cv {hello} --config c.yaml"));

    assert!(sandbox.fails(&format!("sign cv {hello} --config c.yaml"), 4).contains("already exists"));
    sandbox.ok(&format!("sign cv {hello} --config c.yaml --force"));
    assert_eq!(signatures(&sandbox, hello), ["default", "release"]);
    assert!(sandbox.fails(&format!("sign cv {hello} --config c.yaml --signature other"), 2).contains("private key"));
    assert!(sandbox.fails(&format!("sign cv {hello} --config c.yaml --normalisation x"), 2).contains("normalisation"));
}

#[test]
fn a_dry_run_signs_and_stores_nothing() {
    let sandbox = with_keys(Sandbox::hello());
    let hello = "ctf//acme.org/hello:1.0.0";
    let index = sandbox.read("ctf/artifact-index.json");
    assert!(sandbox.ok(&format!("sign cv {hello} --config c.yaml --dry-run")).contains("value: "));
    assert_eq!(sandbox.read("ctf/artifact-index.json"), index);
    assert!(signatures(&sandbox, hello).is_empty());
}

#[test]
fn flags_of_the_older_program_bring_its_defaults() {
    let sandbox = with_keys(Sandbox::tree());
    let text = sandbox.ok("sign cv -s release -K a.priv ctf//acme.org/root:1.0.0");
    assert!(text.starts_with("applying to version \"acme.org/root:1.0.0\"[acme.org/root:1.0.0]...\n"), "{text}");
    assert!(text.contains("successfully signed acme.org/root:1.0.0 (digest SHA-256:"), "{text}");
    let yaml = sandbox.ok("get cv ctf//acme.org/root:1.0.0 -o yaml");
    assert!(yaml.contains("jsonNormalisation/v3") && yaml.contains("RSASSA-PKCS1-V1_5"), "{yaml}");
    assert!(sandbox.ok("verify cv -s release -k a.pub ctf//acme.org/root:1.0.0").ends_with(")\n"));
    // Keys in front of the command, with the name of their signature.
    sandbox.ok("-k release=a.pub verify cv -s release ctf//acme.org/root:1.0.0");
    let root = "ctf//acme.org/root:1.0.0";
    assert!(sandbox.fails(&format!("verify cv -k a.pub {root}"), 2).contains("name of the signature"));
    // Whoever says what is required has named it.
    for flags in
        ["--public-key a.pub --require release", "-k a.pub --require release", "--public-key a.pub --compat v2"]
    {
        sandbox.ok(&format!("verify cv {flags} {root}"));
    }
    sandbox.fails("verify cv -k other=a.pub ctf//acme.org/root:1.0.0", 5);
}

#[test]
fn recursive_signatures_begin_with_what_is_referred_to() {
    let sandbox = with_keys(Sandbox::tree());
    let list: Value =
        serde_json::from_str(&sandbox.ok("sign cv --recursive --config c.yaml ctf//acme.org/root:1.0.0 -o json"))
            .unwrap();
    assert_eq!(list.as_array().unwrap().len(), 3);
    for version in ["leaf:0.1.0", "mid:0.1.0", "root:1.0.0"] {
        assert_eq!(signatures(&sandbox, &format!("ctf//acme.org/{version}")), ["default"], "{version}");
        sandbox.ok(&format!("verify cv --config c.yaml ctf//acme.org/{version}"));
    }
}

#[test]
fn certificates_make_pem_and_roots_decide() {
    let sandbox = Sandbox::hello();
    sandbox.ok("create rsakeypair --ca root.priv root.cert CN=root O=Acme");
    sandbox.ok("create rsakeypair --ca-key root.priv --ca-cert root.cert a.priv a.cert CN=release O=Acme");
    sandbox.ok("create rsakeypair --ca other.priv other.cert CN=root O=Acme");
    let hello = "ctf//acme.org/hello:1.0.0";
    sandbox.ok(&format!("sign cv -s release -K a.priv -k a.cert --ca-cert root.cert {hello}"));
    let yaml = sandbox.ok(&format!("get cv {hello} -o yaml"));
    assert!(yaml.contains("application/x-pem-file") && yaml.contains("issuer: CN=release,O=Acme"), "{yaml}");
    assert_eq!(yaml.matches("BEGIN CERTIFICATE").count(), 1, "the root does not come along");
    sandbox.ok(&format!("verify cv -s release --ca-cert root.cert {hello}"));
    sandbox.ok(&format!("verify cv -s release --ca-cert root.cert -I O=Acme {hello}"));
    for wrong in [
        "",
        " --ca-cert other.cert",
        " --ca-cert root.cert -I CN=somebody",
        " --ca-cert root.cert --at 2001-01-01T00:00:00Z",
    ] {
        sandbox.fails(&format!("verify cv -s release{wrong} {hello}"), 5);
    }
    let expired =
        sandbox.fails(&format!("verify cv -s release --ca-cert root.cert --at 2099-01-01T00:00:00Z {hello}"), 5);
    assert!(expired.contains("expired") && expired.contains("--at"), "{expired}");
    for (command, source) in [("cv", hello), ("ctf", "ctf")] {
        for (flags, status) in [
            ("--ca-cert root.cert", 0),
            ("--ca-cert root.cert -I O=Acme", 0),
            ("--ca-cert other.cert", 5),
            ("--ca-cert root.cert -I CN=somebody", 5),
            ("--ca-cert root.cert --at 2099-01-01T00:00:00Z", 5),
        ] {
            let ran = sandbox.run(&format!("transfer {command} --verify {flags} {source} ./out"));
            assert_eq!(ran.status, status, "transfer {command} {flags}: {}", ran.stderr);
            assert_eq!(sandbox.path("out").exists(), status == 0, "transfer {command} {flags}");
            let _ = std::fs::remove_dir_all(sandbox.path("out"));
        }
    }
    // Signing with a certificate of another authority than the one that is given fails.
    sandbox.fails(&format!("sign cv -s x -K a.priv -k a.cert --ca-cert other.cert {hello}"), 5);
}

#[test]
fn keys_are_written_once_and_encrypted_ones_need_their_key() {
    let sandbox = Sandbox::hello();
    assert_eq!(sandbox.ok("create rsakeypair"), "created rsa key pair rsa.priv[rsa.pub]\n");
    assert!(sandbox.fails("create rsakeypair", 4).contains("exists"));
    assert_eq!(
        sandbox.ok("create rsakeypair -E a.priv a.pub"),
        "created encrypted rsa key pair a.priv[a.pub][a.priv.ekey]\n"
    );
    let hello = "ctf//acme.org/hello:1.0.0";
    assert!(sandbox.fails(&format!("sign cv -s a -K a.priv {hello}"), 2).contains("encrypted"));
    sandbox.ok(&format!("sign cv -s a -K a.priv --passphrase-file a.priv.ekey {hello}"));
    sandbox.ok(&format!("verify cv -s a -k a.pub {hello}"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(sandbox.path("a.priv")).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
    assert!(sandbox.fails("create rsakeypair b.priv b.cert O=Acme", 2).contains("common name"));
}

#[test]
fn a_digest_alone_can_be_signed() {
    let sandbox = with_keys(Sandbox::new());
    let text = sandbox.ok(&format!("sign hash a.priv SHA-256:{}", "ab".repeat(32)));
    assert!(
        text.starts_with("algorithm: RSASSA-PKCS1-V1_5\nmediaType: application/vnd.ocm.signature.rsa\nvalue: "),
        "{text}"
    );
    sandbox.fails("sign hash a.priv SHA-256:ab", 2);
}

#[test]
fn signing_notices_that_a_referenced_version_is_another_one() {
    let sandbox = with_keys(Sandbox::tree());
    sandbox.file("leaf.yaml", "name: acme.org/leaf\nversion: 0.1.0\nprovider: {name: somebody.else}\n");
    sandbox.ok("add cv -c leaf.yaml -r ctf --component-version-conflict-policy replace");
    let problem = sandbox.fails("sign cv --config c.yaml ctf//acme.org/root:1.0.0", 5);
    assert!(problem.contains("acme.org/leaf:0.1.0") && problem.contains("records digest"), "{problem}");
}
