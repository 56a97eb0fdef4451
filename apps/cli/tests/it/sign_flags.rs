//! Flags of `sign` and `verify` that cannot mean anything: whoever writes them believes that they do.

use crate::sandbox::Sandbox;
use crate::sign::with_keys;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";

/// A version that is signed twice: as `plain` by a key, as `chain` below a root.
fn signed() -> Sandbox {
    let sandbox = with_keys(Sandbox::hello());
    sandbox.ok("create rsakeypair b.priv b.pub");
    sandbox.ok("create rsakeypair --ca root.priv root.cert CN=root");
    sandbox.ok("create rsakeypair --ca-key root.priv --ca-cert root.cert leaf.priv leaf.cert CN=release O=Acme");
    sandbox.ok(&format!("sign cv --signature plain --private-key a.priv {HELLO}"));
    sandbox.ok(&format!("sign cv --signature chain -K leaf.priv -k leaf.cert {HELLO}"));
    sandbox.file("junk", "no key at all\n").file("empty", "");
    sandbox.file("broken.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    sandbox
}

#[test]
fn what_is_no_key_is_refused_wherever_one_is_named() {
    let sandbox = signed();
    for junk in ["junk", "empty", "broken.pem"] {
        for (line, named) in [
            (format!("verify cv --signature plain -k a.pub -k {junk} {HELLO}"), "public key"),
            (format!("verify cv --signature plain -k a.pub -k nobody={junk} {HELLO}"), "public key"),
            (format!("verify cv --signature plain -k a.pub --ca-cert {junk} {HELLO}"), "certificate"),
            (format!("verify cv --signature plain -k a.pub --tsa-cert {junk} {HELLO}"), "certificate"),
            (format!("sign cv -s x -K a.priv -k {junk} {HELLO}"), "public key"),
            (format!("sign cv -s x -K a.priv --ca-cert {junk} {HELLO}"), "certificate"),
            (format!("transfer cv --verify --public-key a.pub --tsa-cert {junk} {HELLO} out"), "certificate"),
            (
                format!("download resource --verify --public-key {junk} {HELLO} --identity name=greeting --output out"),
                "public key",
            ),
        ] {
            let problem = sandbox.fails(&line, 2);
            assert!(problem.contains(junk) && problem.contains(named), "{line}: {problem}");
        }
    }
    assert!(!sandbox.path("out").exists());
    assert_eq!(crate::sign::signatures(&sandbox, HELLO), ["plain", "chain"]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let sandbox = signed();
    for (line, says) in [
        ("verify cv --signature plain -k a.pub -L -V", "--local leaves content alone"),
        ("verify cv --signature plain -k a.pub --local --resources", "--local leaves content alone"),
        ("sign cv -s x -K a.priv -k b.pub", "the public key is not that of the private key"),
        ("sign cv -s x -K a.priv -K b.priv", "two private keys"),
        ("sign cv -s x -K a.priv --tsa-cert root.cert", "--tsa-cert says whose timestamp counts"),
        ("sign cv -s x -K a.priv --trusted-root junk", "--trusted-root means nothing where an RSA key signs"),
        ("sign cv -s x -K a.priv --identity-token a.b.c", "--identity-token means nothing where an RSA key signs"),
        ("sign cv -s x -K a.priv --issuer CN=release", "no certificate says who signs"),
        ("sign cv -s x --keyless --passphrase-file junk", "cannot be used with"),
    ] {
        let problem = sandbox.fails(&format!("{line} {HELLO}"), 2);
        assert!(problem.contains(says), "{line}: {problem}");
    }
    for line in ["create rsakeypair c.priv --validity 24h", "create rsakeypair --validity 24h"] {
        assert!(sandbox.fails(line, 2).contains("--validity is about certificates"), "{line}");
    }
    // Content is left alone as well where reading it is switched off.
    sandbox.ok(&format!("verify cv --signature plain -k a.pub -L -V=false {HELLO}"));
    // A token of the environment is there for all runs.
    let words = format!("sign cv -s y -K a.priv {HELLO}");
    let words: Vec<&str> = words.split(' ').collect();
    assert!(sandbox.command(&words).env("SIGSTORE_ID_TOKEN", "a.b.c").status().unwrap().success());
}

#[test]
fn who_is_expected_is_compared_or_it_fails() {
    let sandbox = signed();
    let verify = |name: &str, flags: &str| format!("verify cv --signature {name} {flags} {HELLO}");
    sandbox.ok(&verify("chain", "--ca-cert root.cert --issuer O=Acme"));
    sandbox.ok(&verify("chain", "-k leaf.cert --issuer O=Acme"));
    sandbox.ok(&format!("sign cv -s mine -K leaf.priv -k leaf.cert -I CN=release {HELLO}"));
    for (line, status, says) in [
        (verify("plain", "-k a.pub --issuer CN=release"), 2, "is no certificate, so nothing says whose it is"),
        (verify("chain", "-k leaf.cert --issuer O=Other"), 5, "O=Other is expected"),
        // A key without a name does not stand in for a certificate with another one.
        (verify("plain", "-k a.pub --ca-cert root.cert --issuer CN=release"), 5, "public key"),
        (format!("sign cv -s x -K leaf.priv -k leaf.cert --issuer CN=other {HELLO}"), 5, "CN=other is expected"),
        // Only Sigstore knows identities; a key of the configuration is not what was asked for.
        (verify("plain", "--config c.yaml --certificate-identity me@acme.org"), 5, "is about signatures of Sigstore"),
        (verify("plain", "--config c.yaml --certificate-oidc-issuer https://i"), 5, "is about signatures of Sigstore"),
    ] {
        let problem = sandbox.fails(&line, status);
        assert!(problem.contains(says), "{line}: {problem}");
    }
}
