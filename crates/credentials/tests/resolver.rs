//! Entries, stores and Docker's configuration together.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ocm_credentials::{DockerSources, Found, Properties, Provider, Resolver, Result, Specification, Store};
use ocm_model::Identity;
use support::{Place, client, consumer, user};

const ENTRIES: &str = "\
consumers:
- identity: {type: OCIRegistry, hostname: ghcr.io}
  credentials: [{type: Credentials/v1, properties: {username: host, password: p}}]
- identity: {type: OCIRegistry, hostname: ghcr.io, path: acme/*}
  credentials: [{type: OCICredentials/v1, username: glob, password: p}]
- identity: {type: OCIRegistry, hostname: ghcr.io, pathprefix: acme}
  credentials: [{type: DirectCredentials, properties: {username: prefix, password: p}}]
- identity: {type: OCIRegistry, hostname: ghcr.io, path: acme/exact}
  credentials: [{type: DirectCredentials/v1, properties: {username: exact, password: p}}]
- identity: {type: OCIRegistry/v1, hostname: localhost, port: 5000, scheme: http}
  credentials: [{type: OCICredentials, accessToken: a, refreshToken: r, username: u, password: p}]
- identity: {type: OCIRegistry, hostname: index.docker.io}
  credentials: [{type: OCICredentials/v1, refresh_token: hub}]
";

#[tokio::test]
async fn the_closest_entry_counts() {
    let place = Place::new();
    let resolver = place.resolver(ENTRIES);
    for (wanted, expected) in [
        ("hostname=ghcr.io scheme=https", "host:p"),
        ("hostname=ghcr.io scheme=https path=other/x", "host:p"),
        ("hostname=ghcr.io scheme=https path=acme/image", "glob:p"),
        ("hostname=ghcr.io scheme=https path=acme/a/b", "prefix:p"),
        ("hostname=ghcr.io scheme=https path=acme/exact", "exact:p"),
        // A component repository is known by the path that people write.
        ("hostname=ghcr.io scheme=https path=acme/exact/component-descriptors/acme.org/x", "exact:p"),
        ("hostname=localhost port=5000 scheme=http path=x", "access a"),
        ("hostname=localhost port=5000 scheme=https path=x", "nobody"),
        ("hostname=localhost scheme=http path=x", "nobody"),
        ("hostname=docker.io scheme=https path=library/busybox", "identity hub"),
    ] {
        let found = resolver.resolve(&consumer(&format!("OCIRegistry {wanted}"))).await.unwrap();
        assert_eq!(user(found), expected, "{wanted}");
    }
    let found = resolver.resolve(&consumer("OCIRegistry hostname=ghcr.io")).await.unwrap().unwrap();
    assert_eq!(place.short(&found.described()), "user \"host\" from c.yaml:4:17");
}

/// Typed credentials go before direct ones, direct ones are put together, and both spellings are the same.
#[tokio::test]
async fn credentials_of_every_form() {
    let place = Place::new();
    for (credentials, parts) in [
        (
            "[{type: Credentials, properties: {username: a, password: '1'}}, {type: Credentials, properties: {password: b}}]",
            "a b",
        ),
        (
            "[{type: Credentials, properties: {username: a, password: x}}, {type: OCICredentials, username: t, password: z}]",
            "t z",
        ),
        ("[{type: WgetCredentials/v1, username: w, password: z}]", "w z"),
        ("[{type: HelmHTTPCredentials/v1, username: h, password: z}]", "h z"),
    ] {
        let resolver = place
            .resolver(&format!("consumers:\n- identity: {{type: Wget, hostname: h}}\n  credentials: {credentials}\n"));
        let found = resolver.resolve(&consumer("Wget hostname=h scheme=https")).await.unwrap().unwrap();
        let part = |name: &str| found.properties.get(&[name]).unwrap().to_owned();
        assert_eq!(format!("{} {}", part("username"), part("password")), parts, "{credentials}");
    }
    for (kind, text, name) in [
        ("GitHubCredentials/v1", "token: v", "token"),
        ("S3Credentials/v1", "access_key_id: v", "accessKeyId"),
        ("RSACredentials/v1", "private_key_pem: v", "privateKeyPEM"),
        ("GPGCredentials/v1alpha1", "privateKeyPGP: v", "privateKeyPGP"),
        ("OIDCIdentityToken/v1alpha1", "token: v", "token"),
        ("TrustedRoot/v1alpha1", "trustedRootJSON: v", "trustedRootJSON"),
    ] {
        let resolver = place
            .resolver(&format!("consumers:\n- identity: {{type: T}}\n  credentials: [{{type: {kind}, {text}}}]\n"));
        let found = resolver.resolve(&consumer("T")).await.unwrap().unwrap();
        assert_eq!(found.properties.get(&[name]), Some("v"), "{kind}");
    }
    for text in ["password: 0123", "password: yes", "password: [canary]"] {
        let entry = format!(
            "consumers:\n- identity: {{type: T}}\n  credentials: [{{type: Credentials, properties: {{{text}}}}}]\n"
        );
        let error = place.resolver(&entry).resolve(&consumer("T")).await.unwrap_err().to_string();
        assert!(error.ends_with("c.yaml:4:17: password has to be a text: put it in quotes"), "{error}");
    }
    let resolver =
        place.resolver("consumers:\n- identity: {type: T}\n  credentials: [{type: NoSuch/v1, secret: canary}]\n");
    let error = resolver.resolve(&consumer("T")).await.unwrap_err().to_string();
    assert!(
        place.short(&error).starts_with("configuration c.yaml:4:17: credentials of the unknown type \"NoSuch/v1\""),
        "{error}"
    );
    assert!(!error.contains("canary"));
}

#[tokio::test]
async fn files_lie_beside_the_configuration() {
    let place = Place::new();
    place.file("keys/private.pem", "PEM");
    let resolver = place.resolver(
        "\
consumers:
- identity: {type: RSA/v1alpha1, algorithm: RSASSA-PSS, signature: s}
  credentials: [{type: RSACredentials/v1, privateKeyPEMFile: keys/private.pem, publicKeyPEMFile: ~/keys/none.pem}]
",
    );
    let found = resolver.resolve(&consumer("RSA/v1alpha1 algorithm=RSASSA-PSS signature=s")).await.unwrap().unwrap();
    assert_eq!(found.properties.content("privateKeyPEM").unwrap().unwrap().reveal(), b"PEM");
    let error = found.properties.content("publicKeyPEM").unwrap_err().to_string();
    assert!(error.contains(&place.path("keys/none.pem").display().to_string()), "{error}");
}

#[tokio::test]
async fn entries_come_before_stores_and_stores_before_docker() {
    let place = Place::new();
    let auth = |host: &str, user: &str| format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"p"}}}}}}"#);
    place.file("first.json", &auth("a.io/team", "first"));
    place.file("second.json", &auth("a.io", "second"));
    let usual =
        place.file("usual.json", r#"{"auths":{"a.io":{"auth":"dXN1YWw6cA=="},"b.io":{"auth":"dXN1YWw6cA=="}}}"#);
    let mut sources = place.sources(
        "\
consumers:
- identity: {type: OCIRegistry, hostname: a.io, path: entry}
  credentials: [{type: OCICredentials/v1, username: entry, password: p}]
repositories:
- repository: {type: GardenerConfig/v1, url: https://x}
- repository: {type: DockerConfig/v1, dockerConfigFile: first.json, propagateConsumerIdentity: true}
- repository: {type: DockerConfig, dockerConfigFile: ~/second.json}
- repository: {type: DockerConfig/v1, dockerConfig: '{\"auths\":{\"c.io\":{\"username\":\"inline\",\"password\":\"p\"}}}'}
",
    );
    sources.docker = DockerSources { files: vec![usual], ..DockerSources::default() };
    let resolver = Resolver::new(sources, client());
    for (wanted, expected, origin) in [
        ("hostname=a.io path=entry", "entry:p", "c.yaml:4:17"),
        ("hostname=a.io path=team/x", "first:p", "first.json: auths entry \"a.io/team\""),
        ("hostname=a.io path=x", "second:p", "second.json: auths entry \"a.io\""),
        ("hostname=b.io path=x", "usual:p", "usual.json: auths entry \"b.io\""),
        ("hostname=c.io", "inline:p", "configuration c.yaml:9:3: dockerConfig: auths entry \"c.io\""),
    ] {
        let found = resolver.resolve(&consumer(&format!("OCIRegistry {wanted}"))).await.unwrap().unwrap();
        assert_eq!(place.short(&found.origin), origin);
        assert_eq!(user(Some(found)), expected, "{wanted}");
    }
    assert!(resolver.resolve(&consumer("OCIRegistry hostname=d.io")).await.unwrap().is_none());
    assert!(resolver.resolve(&consumer("Wget hostname=a.io")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_store_that_fails_does_not_hide_the_next_one() {
    let place = Place::new();
    place.file("broken.json", "{");
    place.file("good.json", r#"{"auths":{"a.io":{"username":"good","password":"p"}}}"#);
    let resolver = place.resolver(
        "\
repositories:
- repository: {type: DockerConfig/v1, dockerConfigFile: broken.json}
- repository: {type: DockerConfig/v1, dockerConfigFile: good.json}
",
    );
    let good = resolver.resolve(&consumer("OCIRegistry hostname=a.io")).await.unwrap();
    assert_eq!(user(good), "good:p");
    let error = resolver.resolve(&consumer("OCIRegistry hostname=b.io")).await.unwrap_err().to_string();
    assert!(
        place.short(&error).starts_with("configuration c.yaml:3:3: broken.json: not a docker configuration: line 1"),
        "{error}"
    );
}

#[tokio::test]
async fn packages_and_artifacts_have_files_of_their_own() {
    let place = Place::new();
    place.file(".npmrc", "//npm.example.com/team/:_authToken=${TOKEN}\n//npm.example.com/:_authToken=all\n");
    place.file(
        "settings.xml",
        "<settings><servers><server><id>m</id><username>u</username><password>p</password></server></servers>
<mirrors><mirror><id>m</id><url>https://repo.example.com/maven2</url></mirror></mirrors></settings>",
    );
    let mut sources = place.sources(
        "\
repositories:
- repository: {type: NPMConfig/v1, npmrcFile: ~/.npmrc}
- repository: {type: MavenSettings/v1, settingsFile: settings.xml}
",
    );
    sources.environment.insert("TOKEN".into(), "team".into());
    let resolver = Resolver::new(sources, client());
    for (wanted, part, expected) in [
        ("NpmRegistry scheme=https hostname=npm.example.com path=team/pkg/1.0.0", "token", Some("team")),
        ("NpmRegistry scheme=https hostname=npm.example.com path=teams/pkg", "token", Some("all")),
        ("NpmRegistry scheme=https hostname=npm.example.com port=8443 path=team", "token", None),
        ("MavenRepository scheme=https hostname=repo.example.com path=maven2/org/x", "password", Some("p")),
        ("MavenRepository scheme=https hostname=repo.example.com path=other", "password", None),
        ("Wget scheme=https hostname=repo.example.com path=maven2", "password", None),
    ] {
        let found = resolver.resolve(&consumer(wanted)).await.unwrap();
        let found = found.as_ref().and_then(|found| found.properties.get(&[part]).map(str::to_owned));
        assert_eq!(found.as_deref(), expected, "{wanted}");
    }
}

#[tokio::test]
async fn a_file_of_packages_does_not_stand_in_the_way_of_others() {
    let place = Place::new();
    place.file(".npmrc", "//a.example.com/:_authToken=${UNSET}\n//b.example.com/:_authToken=b\n");
    let all = "\
repositories:
- repository: {type: NPMConfig/v1, npmrcFile: ~/.npmrc}
- repository: {type: NPMConfig/v1, npmrcFile: nowhere}
- repository: {type: MavenSettings/v1, settingsFile: nowhere}
";
    let resolver = Resolver::new(place.sources(all), client());
    let registry = resolver.resolve(&consumer("OCIRegistry scheme=https hostname=ghcr.io")).await.unwrap();
    assert!(registry.is_none());
    let other = resolver.resolve(&consumer("NpmRegistry scheme=https hostname=b.example.com")).await.unwrap();
    assert_eq!(other.unwrap().properties.get(&["token"]), Some("b"));
    let message = resolver.resolve(&consumer("NpmRegistry scheme=https hostname=a.example.com")).await.unwrap_err();
    assert!(message.to_string().contains(".npmrc:1: the variable UNSET is not set"), "{message}");
}

const CIRCLE: &str = "\
consumers:
- identity: {type: HashiCorpVault, scheme: https, hostname: a}
  credentials: [{type: HashiCorpVault/v1, serverURL: https://b, credentialsName: x}]
- identity: {type: HashiCorpVault, scheme: https, hostname: b}
  credentials: [{type: HashiCorpVault/v1, serverURL: https://a, credentialsName: x}]
";

#[tokio::test]
async fn credentials_that_need_themselves_are_refused() {
    let place = Place::new();
    let error = place.sources(CIRCLE).check().unwrap_err().to_string();
    assert!(
        place.short(&error).contains("c.yaml:3:3: the credentials are needed to get themselves")
            && error.contains("c.yaml:5:3"),
        "{error}"
    );
    place.sources(ENTRIES).check().unwrap();
    // Nobody has to check: it ends all the same.
    let resolver = place.resolver(CIRCLE);
    let error = resolver.resolve(&consumer("HashiCorpVault scheme=https hostname=a")).await.unwrap_err().to_string();
    assert!(error.contains("needed to get themselves"), "{error}");
}

/// A store of a foreign type that needs credentials itself and remembers what it was shown.
struct Foreign(Mutex<Vec<String>>);

#[async_trait]
impl Store for Foreign {
    async fn needs(&self) -> Result<Vec<Identity>> {
        Ok(vec![consumer("Door hostname=h")])
    }

    async fn find(&self, wanted: &[Identity], own: Option<&Found>) -> Result<Option<Found>> {
        let key = own.and_then(|own| own.properties.get(&["key"])).unwrap_or("none");
        self.0.lock().unwrap().push(format!("{} {key}", wanted[0]));
        let is_meant = wanted[0].get("type") == Some("Room");
        Ok(is_meant.then(|| Found::new([("token", "inside")].into_iter().collect::<Properties>(), "room")))
    }
}

struct Foreigner(Arc<Foreign>);

impl Provider for Foreigner {
    fn open(&self, specification: &Specification) -> Option<Result<Arc<dyn Store>>> {
        (specification.kind == "Foreign/v1").then(|| Ok(self.0.clone() as Arc<dyn Store>))
    }
}

#[tokio::test]
async fn other_programs_may_know_more_types() {
    let place = Place::new();
    let foreign = Arc::new(Foreign(Mutex::default()));
    let resolver = place
        .resolver(
            "\
consumers:
- identity: {type: Door, hostname: h}
  credentials: [{type: Credentials, properties: {key: k}}]
repositories:
- repository: {type: Foreign/v1, x: y}
",
        )
        .with(Arc::new(Foreigner(foreign.clone())));
    let found = resolver.resolve(&consumer("Room")).await.unwrap().unwrap();
    assert_eq!(found.properties.get(&["token"]), Some("inside"));
    assert_eq!(*foreign.0.lock().unwrap(), ["type=Room k"]);
}
