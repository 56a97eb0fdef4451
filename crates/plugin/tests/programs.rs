//! Plugins as programs: good ones, and all kinds of bad ones.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ocm_model::{DigestSpec, Identity, Resource, TypedObject};
use ocm_plugin::{Capability, Credentials, Element, Kind, Location, Plugin, Plugins, Processed, Settings, ask};

const PROGRAM: &str = include_str!("program.py");

struct Folder(tempfile::TempDir);

impl Folder {
    /// A folder with copies of the program under some names; `None` where there is no Python to run it.
    fn with(names: &[&str]) -> Option<Self> {
        let python = std::process::Command::new("python3").arg("--version").output();
        if !python.is_ok_and(|output| output.status.success()) {
            println!("skipped: there is no python3 to run the plugin of this test");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::write(&path, PROGRAM).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        Some(Self(folder))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn plugins(&self) -> Plugins {
        Plugins::new(self.settings())
    }

    fn settings(&self) -> Settings {
        Settings {
            folders: vec![self.0.path().to_owned()],
            environment: environment(),
            shutdown_timeout: Duration::from_secs(2),
            configurations: vec![
                TypedObject::new("note.config/v1").with("a", 1),
                TypedObject::new("other/v1"),
                TypedObject::new("credentials.config.ocm.software").with("secret", "canary"),
            ],
            start_timeout: Duration::from_secs(3),
            silence: Duration::from_secs(1),
            ..Settings::default()
        }
    }
}

fn environment() -> BTreeMap<String, String> {
    let own = std::env::vars().filter(|(name, _)| name == "PATH");
    own.chain([("SECRET_TOKEN".to_owned(), "canary".to_owned())]).collect()
}

fn note(text: &str) -> TypedObject {
    TypedObject::new("note").with("text", text)
}

fn resource(access: TypedObject) -> Resource {
    Resource { name: "n".into(), version: "1".into(), kind: "blob".into(), access, ..Resource::default() }
}

fn secret() -> Credentials {
    Credentials::direct([("username", "me"), ("password", "hunter2")].map(|(k, v)| (k.to_owned(), v.to_owned())).into())
}

async fn offering(plugins: &Plugins, capability: Capability) -> Plugin {
    plugins.offering(capability, "note").await.expect("the program offers notes")
}

fn what_it_saw(folder: &Folder, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.path(&format!("{name}.json"))).unwrap()).unwrap()
}

#[tokio::test]
async fn every_capability_is_spoken() {
    let Some(folder) = Folder::with(&["good"]) else { return };
    let plugins = folder.plugins();
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();

    let access = offering(&plugins, Capability::ResourceRepository).await;
    let identity = access.identity(&note("hello")).await.unwrap().unwrap();
    assert_eq!(identity.to_string(), "hostname=notes.example,type=Note");
    let location = access.resource(&resource(note("hello")), Some(&secret())).await.unwrap();
    assert_eq!((read(&location.path).as_str(), location.media_type.as_deref()), ("hello/hunter2", Some("text/x-note")));
    assert_eq!(read(&access.resource(&resource(note("hello")), None).await.unwrap().path), "hello/nobody");

    let input = offering(&plugins, Capability::Input).await;
    let element = serde_json::json!({"name": "n", "input": note("in")});
    let element = element.as_object().unwrap();
    let content = |processed| match processed {
        Processed::Content(content) => content,
        elsewhere @ Processed::Elsewhere { .. } => panic!("{elsewhere:?}"),
    };
    let processed = input.input(Element::Resource, element, &note("in"), None).await.unwrap();
    assert_eq!(read(&content(processed).path), "in");
    let content = content(input.input(Element::Source, element, &note("in"), None).await.unwrap());
    assert_eq!(read(&content.path), "source in");

    let digest = offering(&plugins, Capability::DigestProcessor).await;
    let digested = digest.digest(&resource(note("hello")), None).await.unwrap();
    // SHA-256 of `hello/nobody`.
    let expected = "c9ede3e5c662b8124220862c688ab74aa5f308078106be199667b2b34434e5d3";
    assert_eq!(digested.digest.unwrap().value, expected);

    let store = offering(&plugins, Capability::CredentialRepository).await;
    assert_eq!(store.consumer(&note("x")).await.unwrap().unwrap().get("hostname"), Some("vault.example"));
    let wanted: Identity = [("hostname", "h.example")].into_iter().collect();
    let found = store.credentials_for(&note("x"), &wanted, Some(&secret())).await.unwrap().unwrap();
    assert_eq!(found.properties["username"], "h.example");
    assert_eq!(found.properties["password"], "hunter2");
    let credential = offering(&plugins, Capability::Credential).await;
    assert_eq!(credential.consumer(&note("x")).await.unwrap(), None);

    let file = folder.path("given");
    std::fs::write(&file, "given").unwrap();
    let given = Location { path: file, media_type: None };
    let transformer = offering(&plugins, Capability::BlobTransformer).await;
    let made = transformer.transform(&note("!"), &given, None).await.unwrap();
    assert_eq!((read(&made.path).as_str(), made.media_type.as_deref()), ("GIVEN!/nobody", Some("text/x-note")));

    let signer = offering(&plugins, Capability::SigningHandler).await;
    let digest = DigestSpec { hash_algorithm: "SHA-256".into(), value: "0123".into(), ..DigestSpec::default() };
    assert_eq!(signer.signer_identity("s", &digest, &note("x")).await.unwrap(), None);
    let value = signer.sign(&digest, &note("x"), None).await.unwrap();
    assert_eq!(value.value, "3210x");
    let mut signature = ocm_model::descriptor::Signature { digest, signature: value, ..Default::default() };
    signer.verify(&signature, &note("x"), None).await.unwrap();
    signature.signature.value.push('y');
    let error = signer.verify(&signature, &note("x"), None).await.unwrap_err();
    assert_eq!((error.kind(), error.reason().contains("the signature is wrong")), (Kind::Refused, true), "{error}");

    let saw = what_it_saw(&folder, "good");
    assert_eq!(saw["configuration"]["configTypes"], serde_json::json!([{"type": "note.config/v1", "a": 1}]));
    assert_eq!(saw["configuration"]["idleTimeout"], 3_600_000_000_000_u64);
    assert!(saw["environment"].get("SECRET_TOKEN").is_none(), "{saw}");
    let id = saw["configuration"]["id"].as_str().unwrap();
    let socket = PathBuf::from(format!("/tmp/{id}-plugin.socket"));
    assert!(socket.exists());
    plugins.shut_down().await;
    assert!(!socket.exists() && !Path::new(&format!("{}.lock", socket.display())).exists());
    assert!(!content.path.exists(), "what it wrote stays after it");
}

#[tokio::test]
async fn a_port_serves_as_well_as_a_socket() {
    let Some(folder) = Folder::with(&["tcp"]) else { return };
    let plugins = folder.plugins();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    let location = access.resource(&resource(note("hello")), None).await.unwrap();
    assert_eq!(std::fs::read_to_string(location.path).unwrap(), "hello/nobody");
    plugins.shut_down().await;
}

#[tokio::test]
async fn whatever_is_no_plugin_is_named_and_left_out() {
    let Some(folder) = Folder::with(&["failing", "garbled", "good", "talking", "twice", "wrong"]) else { return };
    std::fs::write(folder.path("README"), "no program").unwrap();
    std::fs::write(folder.path("empty"), "").unwrap();
    std::fs::set_permissions(folder.path("empty"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let plugins = folder.plugins();
    let found = plugins.found().await;
    let fault = |name: &str| {
        let reasons = found.faults.iter().filter(|fault| fault.path == folder.path(name));
        reasons.map(|fault| fault.reason.clone()).collect::<Vec<_>>().join("; ")
    };
    for (name, reason) in [
        ("failing", "exit status: 3"),
        ("garbled", "no JSON"),
        ("talking", "more than"),
        ("wrong", "has no type"),
        ("empty", ""),
        ("twice", "good has it already"),
    ] {
        assert!(fault(name).contains(reason) && !fault(name).is_empty(), "{name}: {:?}", fault(name));
    }
    assert_eq!(fault("README"), "", "a file that cannot be run is no program");
    assert_eq!(found.programs.iter().map(|program| program.name()).collect::<Vec<_>>(), ["good", "twice"]);
    let plugin = offering(&plugins, Capability::Input).await;
    assert_eq!(plugin.program().path, folder.path("good"));
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended() {
    let Some(folder) = Folder::with(&["hanging"]) else { return };
    let begin = Instant::now();
    let error = ask(&folder.path("hanging"), &environment(), Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Misbehaves);
    assert!(error.to_string().contains("hanging: does not say"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn what_goes_wrong_later_names_the_program() {
    let cases = [
        ("silent", Kind::Misbehaves, "ended without saying where it listens"),
        ("mute", Kind::Misbehaves, "does not say where it listens within 3 s"),
        ("noisy", Kind::Misbehaves, "says more than 1000 lines"),
        ("stuck", Kind::Misbehaves, "does not answer /resource/get and was ended: for 1 s it has said nothing"),
        ("slamming", Kind::Misbehaves, "does not answer /resource/get"),
        ("short", Kind::Misbehaves, "does not answer /resource/get"),
        ("rambling", Kind::Misbehaves, "its answer to /resource/get is not of the protocol"),
        ("lost", Kind::Misbehaves, "none of this machine"),
        ("sick", Kind::Misbehaves, "not ready"),
        ("crashing", Kind::Misbehaves, "ended while it was asked /resource/get"),
        ("refusing", Kind::Refused, "no note for *** [2J"),
        ("babbling", Kind::Misbehaves, "larger than"),
        ("pointing", Kind::Misbehaves, "no absolute path"),
        ("elsewhere", Kind::Misbehaves, "remoteURL"),
    ];
    let each = cases.into_iter().filter(|(name, ..)| *name != "stuck" || cfg!(target_os = "linux"));
    futures_util::future::join_all(each.map(|(name, kind, reason)| async move {
        let Some(folder) = Folder::with(&[name]) else { return };
        let plugins = folder.plugins();
        let (access, begin) = (offering(&plugins, Capability::ResourceRepository).await, Instant::now());
        let error = access.resource(&resource(note("hello")), Some(&secret())).await.unwrap_err();
        assert!(begin.elapsed() < Duration::from_secs(20), "{name}: {error}");
        assert_eq!(error.kind(), kind, "{name}: {error}");
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains(&format!("/{name}:")), "{name}: {text}");
        assert!(!text.contains("hunter2"), "{name}: {text}");
        plugins.shut_down().await;
    }))
    .await;
}

/// Waits until a process is gone.
async fn ends(pid: &str) {
    let begin = Instant::now();
    let state = || std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // One that ended stays in the table of processes until it is asked for.
    while !state().is_empty() && !state().contains(") Z ") && cfg!(target_os = "linux") {
        assert!(begin.elapsed() < Duration::from_secs(5), "{}", state());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_a_program_leaves_behind_is_ended_with_it() {
    let Some(folder) = Folder::with(&["forking"]) else { return };
    let plugins = folder.plugins();
    let child = || std::fs::read_to_string(folder.path("forking.child")).unwrap();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    let first = child();
    ends(&first).await;
    access.resource(&resource(note("x")), None).await.unwrap();
    assert_ne!(first, child());
    plugins.shut_down().await;
    ends(&child()).await;

    let Some(folder) = Folder::with(&["holding"]) else { return };
    let error = ask(&folder.path("holding"), &environment(), Duration::from_secs(2)).await.unwrap_err();
    assert!(error.to_string().contains("does not say what it offers within 2 s"), "{error}");
    ends(&std::fs::read_to_string(folder.path("holding.child")).unwrap()).await;
}

#[tokio::test]
async fn one_that_works_for_long_is_waited_for() {
    for name in ["slow", "computing"] {
        let Some(folder) = Folder::with(&[name]) else { return };
        let plugins = folder.plugins();
        let access = offering(&plugins, Capability::ResourceRepository).await;
        let begin = Instant::now();
        access.resource(&resource(note("x")), None).await.unwrap();
        assert!(begin.elapsed() > Duration::from_secs(2), "{name}");
        plugins.shut_down().await;
    }
}

#[tokio::test]
async fn what_does_not_fit_the_schema_is_not_sent() {
    let Some(folder) = Folder::with(&["good"]) else { return };
    let plugins = folder.plugins();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    let error = access.resource(&resource(note("x").with("txet", "y")), None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Invalid);
    assert!(error.to_string().contains("txet means nothing"), "{error}");
    assert!(!folder.path("good.json").exists(), "the program was started for nothing");
}

#[tokio::test]
async fn one_that_crashed_is_started_again_and_one_that_stays_is_ended() {
    let Some(folder) = Folder::with(&["crashing"]) else { return };
    let plugins = folder.plugins();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    access.resource(&resource(note("x")), None).await.unwrap_err();
    let first = what_it_saw(&folder, "crashing")["configuration"]["id"].clone();
    access.resource(&resource(note("x")), None).await.unwrap_err();
    assert_ne!(first, what_it_saw(&folder, "crashing")["configuration"]["id"]);

    let Some(folder) = Folder::with(&["lasting"]) else { return };
    let plugins = folder.plugins();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    access.resource(&resource(note("x")), None).await.unwrap();
    let begin = Instant::now();
    plugins.shut_down().await;
    assert!(begin.elapsed() >= Duration::from_secs(2) && begin.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn what_is_built_in_is_nobody_elses() {
    let Some(folder) = Folder::with(&["good"]) else { return };
    let built_in = [(Capability::Input, "note".to_owned())].into_iter().collect();
    let folders = vec![folder.0.path().to_owned()];
    let plugins = Plugins::new(Settings { folders, environment: environment(), built_in, ..Settings::default() });
    let found = plugins.found().await;
    assert!(plugins.offering(Capability::Input, "note").await.is_none());
    assert!(plugins.offering(Capability::Input, "note/v1").await.is_some(), "another name is free");
    assert!(plugins.offering(Capability::ResourceRepository, "note").await.is_some());
    let faults: Vec<_> = found.faults.iter().map(|fault| fault.reason.as_str()).collect();
    assert!(matches!(faults.as_slice(), [one] if one.contains("\"note\"") && one.contains("built in")), "{faults:?}");
    assert!(plugins.left_out().await.ends_with("good"));
}

#[tokio::test]
async fn whoever_is_interrupted_leaves_no_program_behind() {
    let Some(folder) = Folder::with(&["good"]) else { return };
    let plugins = folder.plugins();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    access.resource(&resource(note("x")), None).await.unwrap();
    let id = what_it_saw(&folder, "good")["configuration"]["id"].as_str().unwrap().to_owned();
    let socket = PathBuf::from(format!("/tmp/{id}-plugin.socket"));
    let lock = std::fs::read_to_string(format!("{}.lock", socket.display())).unwrap();
    plugins.abandon();
    assert!(!socket.exists());
    ends(&lock).await;
}

#[tokio::test]
async fn a_program_without_questions_for_identities_gets_no_credentials() {
    let Some(folder) = Folder::with(&["anonymous"]) else { return };
    let plugins = folder.plugins();
    let access = offering(&plugins, Capability::ResourceRepository).await;
    assert_eq!(access.identity(&note("x")).await.unwrap(), None);
    // Members that the SDK for Go writes as null are not there.
    let digest = offering(&plugins, Capability::DigestProcessor).await;
    let digested = digest.digest(&resource(note("x")), None).await.unwrap();
    assert!(digested.access.kind.is_empty() && digested.digest.is_some());
}
