use ocm_testkit::sigstore::{Fault, Sigstore, WORKFLOW, WORKFLOW_ISSUER};
use serde_json::Value;

use crate::sandbox::Sandbox;

const HELLO: &str = "ctf//acme.org/hello:1.0.0";
const WHO: &str = "release@acme.org";
const ISSUER: &str = "https://accounts.acme.org";

/// A sandbox with the files of an instance, and configurations that sign and verify with it.
fn with(instance: &Sigstore, sandbox: Sandbox) -> Sandbox {
    let token = Sigstore::token(WHO, ISSUER);
    sandbox
        .file("signing.json", &instance.signing_config())
        .file("root.json", &instance.trusted_root())
        .file("token", &format!("{token}\n"))
        .file("signer.yaml", "{type: SigstoreSigningConfiguration/v1alpha1, signingConfig: signing.json}\n")
        .file(
            "verifier.yaml",
            &format!(
                "{{type: SigstoreVerificationConfiguration/v1alpha1, certificateIdentity: {WHO}, certificateOIDCIssuer: {ISSUER}}}\n"
            ),
        )
        .file(
            "c.yaml",
            &format!(
                "\
type: generic.config.ocm.software/v1
configurations:
- type: credentials.config.ocm.software/v1
  consumers:
  - identity: {{type: SigstoreSigner/v1alpha1, signature: default}}
    credentials: [{{type: OIDCIdentityToken/v1alpha1, tokenFile: token}}]
  - identity: {{type: SigstoreVerifier/v1alpha1, signature: default}}
    credentials: [{{type: TrustedRoot/v1alpha1, trustedRootJSONFile: root.json}}]
- type: signing.config.ocm.software/v1alpha1
  signer: {{type: SigstoreSigningConfiguration/v1alpha1, signingConfig: signing.json, issuer: '{ISSUER}'}}
  verifier:
    type: SigstoreVerificationConfiguration/v1alpha1
    certificateIdentityRegexp: '.*@acme[.]org'
    certificateOIDCIssuer: {ISSUER}
"
            ),
        );
    sandbox
}

#[test]
fn a_configuration_signs_and_verifies() {
    let instance = Sigstore::start(Fault::None);
    let sandbox = with(&instance, Sandbox::hello());
    let printed: Value =
        serde_json::from_str(&sandbox.ok(&format!("sign cv {HELLO} --config c.yaml -o json"))).unwrap();
    assert_eq!(printed["signature"]["algorithm"], "Sigstore/v1alpha1");
    assert_eq!(printed["signature"]["mediaType"], "application/vnd.dev.sigstore.bundle.v0.3+json");
    let before = instance.requests();
    let report: Value =
        serde_json::from_str(&sandbox.ok(&format!("verify cv {HELLO} --config c.yaml -o json"))).unwrap();
    let evidence = &report["versions"][0]["signatures"][0]["evidence"];
    assert_eq!(
        (&evidence["by"], &evidence["identity"], &evidence["issuer"]),
        (&"identity".into(), &WHO.into(), &ISSUER.into())
    );
    assert_eq!(instance.requests(), before, "verification opens no connection");
    // Another instance vouches for nobody here.
    sandbox.file("root.json", &Sigstore::start(Fault::None).trusted_root());
    sandbox.fails(&format!("verify cv {HELLO} --config c.yaml"), 5);
}

#[test]
fn flags_say_who_is_expected() {
    let instance = Sigstore::start(Fault::None);
    let sandbox = with(&instance, Sandbox::hello());
    sandbox.ok(&format!("sign cv {HELLO} --signer-spec signer.yaml --identity-token token --trusted-root root.json"));
    let verify = format!("verify cv {HELLO} --trusted-root root.json");
    sandbox.ok(&format!("{verify} --certificate-identity {WHO} --certificate-oidc-issuer {ISSUER}"));
    sandbox
        .ok(&format!("{verify} --certificate-identity-regexp .*@acme.org --certificate-oidc-issuer-regexp https://.*"));
    for (command, source) in [("cv", HELLO), ("ctf", "ctf")] {
        for (who, issuer, status) in [
            (".*@acme.org", "https://.*", 0),
            ("acme", "https://.*", 5),
            (".*@acme.org", "accounts", 5),
            ("(", "https://.*", 2),
        ] {
            let flags = format!("--certificate-identity-regexp {who} --certificate-oidc-issuer-regexp {issuer}");
            let line = format!("transfer {command} --verify --trusted-root root.json {flags} {source} ./out");
            let ran = sandbox.run(&line);
            assert_eq!(ran.status, status, "{line}: {}", ran.stderr);
            assert_eq!(sandbox.path("out").exists(), status == 0, "{line}");
            let _ = std::fs::remove_dir_all(sandbox.path("out"));
        }
    }
    sandbox.ok(&format!("{verify} --verifier-spec verifier.yaml"));
    assert!(sandbox.fails(&verify, 5).contains("--certificate-identity"));
    for (wrong, status) in [
        (format!("--certificate-identity {WHO}"), 2),
        (format!("--certificate-oidc-issuer {ISSUER}"), 2),
        (format!("--certificate-identity {WHO} --certificate-oidc-issuer https://evil.example"), 5),
        (format!("--certificate-identity other@acme.org --certificate-oidc-issuer {ISSUER}"), 5),
        (format!("--certificate-identity-regexp acme --certificate-oidc-issuer {ISSUER}"), 5),
        (format!("--certificate-identity-regexp ( --certificate-oidc-issuer {ISSUER}"), 2),
        (
            format!("--certificate-identity {WHO} --certificate-identity-regexp .* --certificate-oidc-issuer {ISSUER}"),
            2,
        ),
    ] {
        sandbox.fails(&format!("{verify} {wrong}"), status);
    }
    // Against the public instance, which knows nothing of it.
    sandbox.fails(&format!("verify cv {HELLO} --verifier-spec verifier.yaml"), 5);
    sandbox.file("verifier.yaml", "{type: SomethingElse/v1}\n");
    assert!(sandbox.fails(&format!("{verify} --verifier-spec verifier.yaml"), 2).contains("not built in"));
}

#[test]
fn a_dry_run_publishes_nothing_and_a_refused_signature_is_not_stored() {
    let instance = Sigstore::start(Fault::None);
    let sandbox = with(&instance, Sandbox::hello());
    let printed: Value =
        serde_json::from_str(&sandbox.ok(&format!("sign cv {HELLO} --config c.yaml --dry-run -o json"))).unwrap();
    assert_eq!((&printed["signature"]["value"], instance.requests()), (&"".into(), 0));
    let index = sandbox.read("ctf/artifact-index.json");
    for fault in [Fault::Refusal, Fault::EmptyPromise] {
        let sandbox = with(&Sigstore::start(fault), Sandbox::hello());
        let problem = sandbox.fails(&format!("sign cv {HELLO} --config c.yaml"), 5);
        assert!(!problem.contains("eyJ"), "{problem}");
        assert_eq!(sandbox.read("ctf/artifact-index.json").len(), index.len());
    }
    sandbox.file("token", "");
    assert!(sandbox.fails(&format!("sign cv {HELLO} --config c.yaml"), 2).contains("identity token"));
    let missing = sandbox.fails(&format!("sign cv {HELLO} --signer-spec signer.yaml"), 2);
    assert!(missing.contains("OIDC identity token required") && missing.contains("SIGSTORE_ID_TOKEN"), "{missing}");
}

#[test]
fn the_token_may_come_from_the_environment_and_the_form_of_the_older_program_is_made() {
    let instance = Sigstore::start(Fault::None);
    let sandbox = with(&instance, Sandbox::hello());
    let line = format!("sign cv -s keyless --keyless --signer-spec signer.yaml --trusted-root root.json {HELLO}");
    let mut command = sandbox.command(&line.split(' ').collect::<Vec<_>>());
    let output = command.env("SIGSTORE_ID_TOKEN", Sigstore::token(WHO, ISSUER)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let yaml = sandbox.ok(&format!("get cv {HELLO} -o yaml"));
    assert!(
        yaml.contains("algorithm: sigstore-v2") && yaml.contains("application/vnd.ocm.signature.sigstore"),
        "{yaml}"
    );
    assert!(yaml.contains("jsonNormalisation/v3"), "{yaml}");
    let expected = format!("--certificate-identity {WHO} --certificate-oidc-issuer {ISSUER} --trusted-root root.json");
    sandbox.ok(&format!("verify cv -s keyless --keyless {expected} {HELLO}"));
    let refused = sandbox.fails(&format!("sign cv -s x -S sigstore --identity-token token {HELLO}"), 5);
    assert!(refused.contains("sigstore-v2"), "{refused}");
}

#[test]
fn a_workflow_gets_its_own_token() {
    let instance = Sigstore::start(Fault::None);
    let sandbox = with(&instance, Sandbox::hello());
    let line = format!("sign cv --signer-spec signer.yaml --trusted-root root.json {HELLO}");
    let mut command = sandbox.command(&line.split(' ').collect::<Vec<_>>());
    command.env("ACTIONS_ID_TOKEN_REQUEST_URL", instance.workflow()).env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "bearer");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected = format!("--certificate-identity {WORKFLOW} --certificate-oidc-issuer {WORKFLOW_ISSUER}");
    sandbox.ok(&format!("verify cv {HELLO} --trusted-root root.json {expected}"));
}

#[test]
fn several_kinds_of_signatures_are_verified_in_one_go_and_guard_transfers() {
    let instance = Sigstore::start(Fault::None);
    let sandbox = with(&instance, Sandbox::hello());
    sandbox.ok("create rsakeypair a.priv a.pub");
    sandbox.ok(&format!("sign cv -s rsa -K a.priv {HELLO}"));
    sandbox.ok(&format!("sign cv {HELLO} --config c.yaml"));
    sandbox.ok(&format!("verify cv {HELLO} --config c.yaml --public-key rsa=a.pub -s rsa -s default"));
    let transfer = "--trusted-root root.json --public-key rsa=a.pub";
    let who = format!("--certificate-identity {WHO} --certificate-oidc-issuer {ISSUER}");
    sandbox.fails(&format!("transfer cv --verify {transfer} {HELLO} copy"), 5);
    assert!(!sandbox.path("copy").exists());
    sandbox.ok(&format!("transfer cv --verify {transfer} {who} {HELLO} copy"));
    sandbox.fails(&format!("verify cv {HELLO} --keyless -s rsa -k rsa=a.pub"), 5);
}
