//! Secrets of a vault, as its interface answers.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod support;

use serde_json::json;
use support::{Asked, Place, Server, consumer, user};

/// A vault with a key-value engine at `secret`, opened by role or token.
fn vault(asked: &Asked) -> (u16, String) {
    let secret = |data: serde_json::Value, metadata: serde_json::Value| {
        let metadata = json!({"custom_metadata": metadata, "version": 1});
        (200, json!({"request_id": "r", "data": {"data": data, "metadata": metadata}}).to_string())
    };
    if asked.line == "POST /v1/auth/approle/login" {
        let is_known = asked.body.contains("\"role_id\":\"role\"") && asked.body.contains("\"secret_id\":\"canary\"");
        return if is_known {
            (200, json!({"auth": {"client_token": "opened", "lease_duration": 60}}).to_string())
        } else {
            (400, json!({"errors": ["invalid role canary"]}).to_string())
        };
    }
    if !["opened", "t"].contains(&asked.header("x-vault-token")) {
        return (403, json!({"errors": ["permission denied"]}).to_string());
    }
    match asked.line.as_str() {
        "GET /v1/secret/metadata/team?list=true" => {
            (200, json!({"data": {"keys": ["by id", "by-type", "nobody", "folder/", "../out"]}}).to_string())
        }
        "GET /v1/secret/data/team/by%20id" => secret(
            json!({"username": "id", "password": "p", "number": 5}),
            json!({"consumerId": "{\"type\":\"OCIRegistry\",\"hostname\":\"a.io\"}", "secrets": "more, more2 ,../out"}),
        ),
        "GET /v1/secret/data/team/more" => secret(
            json!({"username": "more", "password": "p"}),
            json!({"type": "OCIRegistry", "hostname": "a.io", "path": "more/*"}),
        ),
        "GET /v1/secret/data/team/by-type" => {
            secret(json!({"token": "x"}), json!({"type": "Wget", "hostname": "w.io"}))
        }
        "GET /v1/secret/data/team/nobody" => secret(json!({"username": "named", "password": "p"}), json!(null)),
        _ => (404, json!({"errors": []}).to_string()),
    }
}

fn configuration(server: &Server, credentials: &str, more: &str) -> String {
    format!(
        "\
consumers:
- identity: {{type: HashiCorpVault, scheme: http, hostname: 127.0.0.1, port: '{}'}}
  credentials: [{{type: Credentials/v1, properties: {{{credentials}}}}}]
- identity: {{type: OCIRegistry, hostname: direct.io}}
  credentials: [{{type: HashiCorpVault/v1, serverURL: '{}', path: team, credentialsName: nobody}}]
repositories:
- repository: {{type: HashiCorpVault/v1, serverURL: '{}', namespace: ns, path: team, propagateConsumerIdentity: true{more}}}
",
        server.address.port(),
        server.url(),
        server.url()
    )
}

const ROLE: &str = "authmeth: approle, roleid: role, secretid: canary";

#[tokio::test]
async fn secrets_say_whom_they_are_for() {
    let (place, server) = (Place::new(), Server::start(vault).await);
    let resolver = place.resolver(&configuration(&server, ROLE, ""));
    for (wanted, expected) in [
        ("OCIRegistry scheme=https hostname=a.io path=x", "id:p"),
        ("OCIRegistry scheme=https hostname=a.io path=more/x", "more:p"),
        ("OCIRegistry scheme=https hostname=b.io path=x", "nobody"),
        ("OCIRegistry scheme=https hostname=direct.io", "named:p"),
    ] {
        assert_eq!(user(resolver.resolve(&consumer(wanted)).await.unwrap()), expected, "{wanted}");
    }
    let found = resolver.resolve(&consumer("Wget scheme=https hostname=w.io path=x")).await.unwrap().unwrap();
    assert_eq!(found.properties.get(&["token"]), Some("x"));
    assert_eq!(found.origin, format!("vault {}/ (secret/team): secret \"by-type\"", server.url()));
    // Everything is read once for everybody, and no name leads out of the folder.
    let expected = [
        "POST /v1/auth/approle/login",
        "GET /v1/secret/metadata/team?list=true",
        "GET /v1/secret/data/team/by%20id",
        "GET /v1/secret/data/team/by-type",
        "GET /v1/secret/data/team/nobody",
        "GET /v1/secret/data/team/more",
        "GET /v1/secret/data/team/more2",
        "POST /v1/auth/approle/login",
        "GET /v1/secret/data/team/nobody",
    ];
    assert_eq!(server.lines(), expected);
    assert!(server.asked()[..7].iter().all(|asked| asked.header("x-vault-namespace") == "ns"));
}

#[tokio::test]
async fn a_token_and_named_secrets_do_without_a_list() {
    let (place, server) = (Place::new(), Server::start(vault).await);
    let resolver = place.resolver(&configuration(&server, "token: t", ", secrets: [more]"));
    let found = resolver.resolve(&consumer("OCIRegistry scheme=https hostname=a.io path=more/x")).await.unwrap();
    assert_eq!(user(found), "more:p");
    assert_eq!(server.lines(), ["GET /v1/secret/data/team/more"]);
    assert_eq!(server.asked()[0].header("x-vault-token"), "t");
}

#[tokio::test]
async fn refusals_name_the_entry_and_the_vault_and_no_secret() {
    let server = Server::start(vault).await;
    let place = Place::new();
    for (credentials, says) in [
        ("authmeth: approle, roleid: wrong, secretid: canary", "logging in failed: answered 400"),
        ("token: canary", "listing failed: answered 403"),
        ("authmeth: canary-method, x: z", "is unknown; it is token or approle"),
        ("authmeth: approle, secretid: canary", "roleid is missing"),
    ] {
        let resolver = place.resolver(&configuration(&server, credentials, ""));
        let wanted = consumer("OCIRegistry scheme=https hostname=a.io");
        let error = resolver.resolve(&wanted).await.unwrap_err().to_string();
        assert!(place.short(&error).starts_with("configuration c.yaml:8:3: ") && error.contains(says), "{error}");
        assert!(!error.contains("canary") || error.contains("canary-method"), "{error}");
        let count = server.lines().len();
        assert_eq!(resolver.resolve(&wanted).await.unwrap_err().to_string(), error);
        // Not asked again: a vault locks roles that come with wrong secrets.
        assert_eq!(server.lines().len(), count);
    }
    let alone = format!(
        "repositories:\n- repository: {{type: HashiCorpVault/v1, serverURL: '{}', path: team}}\n",
        server.url()
    );
    let error = place.resolver(&alone).resolve(&consumer("Wget hostname=x")).await.unwrap_err().to_string();
    assert!(error.contains("there are no credentials for it: configure a consumer hostname=127.0.0.1"), "{error}");
    let wrong = "repositories:\n- repository: {type: HashiCorpVault/v1, serverURL: 'https://v', path: a/../b}\n";
    let error = place.resolver(wrong).resolve(&consumer("Wget hostname=x")).await.unwrap_err().to_string();
    assert!(error.contains("\"a/../b\" is no path in a vault"), "{error}");
}
