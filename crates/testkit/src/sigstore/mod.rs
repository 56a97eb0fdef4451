//! A Sigstore instance of its own: certificate authority, log and their keys, on an address of this machine.

#![allow(clippy::unwrap_used, reason = "a stand-in that cannot start ends its test")]

mod authority;
mod der;
mod log;
mod server;
mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use authority::Authority;
use log::Log;
use time::TimeAuthority;

/// Since when everything is valid.
const BEGIN: &str = "2020-01-01T00:00:00Z";

/// Who a token for a workflow names.
pub const WORKFLOW: &str = "workflow@here";

/// Who vouches for it.
pub const WORKFLOW_ISSUER: &str = "https://token.here";

/// What the instance does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Certificates are for another key than the one that was shown.
    OtherKey,
    /// Certificates are not logged.
    Unlogged,
    /// The log promises nothing that its key has signed.
    EmptyPromise,
    /// The log says that the entry is there already, and where.
    Known,
    /// The authority believes nobody.
    Refusal,
}

/// The instance, for as long as it is held.
#[derive(Debug)]
pub struct Sigstore {
    address: String,
    instance: Arc<Instance>,
}

struct Instance {
    authority: Authority,
    log: Log,
    time: TimeAuthority,
    fault: Fault,
    requests: AtomicUsize,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("fault", &self.fault).finish_non_exhaustive()
    }
}

impl Sigstore {
    /// Starts one.
    ///
    /// # Panics
    /// There is no free port, or no randomness.
    #[must_use]
    pub fn start(fault: Fault) -> Self {
        let authority = Authority::new();
        let time = TimeAuthority::new(&authority);
        let instance = Arc::new(Instance { authority, log: Log::new(), time, fault, requests: AtomicUsize::new(0) });
        let served = instance.clone();
        let address = server::serve(move |method, path, body| served.answer(method, path, body));
        Self { address, instance }
    }

    /// Where a workflow asks for its token.
    #[must_use]
    pub fn workflow(&self) -> String {
        format!("{}/token?run=1", self.address)
    }

    /// How many requests came.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.instance.requests.load(Ordering::SeqCst)
    }

    /// The `signing_config.json` that leads to it.
    #[must_use]
    pub fn signing_config(&self) -> String {
        let service = json!([{
            "url": self.address, "majorApiVersion": 1, "validFor": {"start": BEGIN}, "operator": "here",
        }]);
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service,
            "rekorTlogUrls": service,
            "rekorTlogConfig": {"selector": "ANY"},
        })
        .to_string()
    }

    /// The same with a log of the second kind, which leaves the time to an authority for timestamps.
    #[must_use]
    pub fn signing_config_v2(&self) -> String {
        let service = |path: &str, version: u8| {
            json!([{
                "url": format!("{}{path}", self.address), "majorApiVersion": version, "validFor": {"start": BEGIN},
                "operator": "here",
            }])
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service("", 1),
            "rekorTlogUrls": service("", 2),
            "tsaUrls": service("/time", 1),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaConfig": {"selector": "EXACT", "count": 1},
        })
        .to_string()
    }

    /// The `trusted_root.json` by which its signatures verify.
    #[must_use]
    pub fn trusted_root(&self) -> String {
        let valid = json!({"start": BEGIN});
        let log = |key: &authority::Key| {
            json!({
                "baseUrl": self.address,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": STANDARD.encode(key.spki()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid,
                },
                "logId": {"keyId": STANDARD.encode(key.id())},
            })
        };
        json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.instance.log.key)],
            "certificateAuthorities": [{
                "subject": {"organization": "here", "commonName": "here"},
                "uri": self.address,
                "certChain": {"certificates": [{"rawBytes": STANDARD.encode(&self.instance.authority.root)}]},
                "validFor": valid,
            }],
            "ctlogs": [log(&self.instance.authority.certificates)],
            "timestampAuthorities": [{
                "subject": {"organization": "here", "commonName": "time"},
                "uri": self.address,
                "certChain": {"certificates": [
                    {"rawBytes": STANDARD.encode(&self.instance.time.certificate)},
                    {"rawBytes": STANDARD.encode(&self.instance.authority.root)},
                ]},
                "validFor": valid,
            }],
        })
        .to_string()
    }

    /// An identity token for a mail address, valid for some minutes; `issuer` vouches for it.
    #[must_use]
    pub fn token(email: &str, issuer: &str) -> String {
        let claims = json!({
            "iss": issuer, "aud": "sigstore", "sub": email, "email": email, "email_verified": true, "exp": now() + 600,
        });
        let [header, claims] = [json!({"alg": "none"}), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        format!("{header}.{claims}.c2lnbmF0dXJl")
    }
}

impl Instance {
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> server::Answer {
        self.requests.fetch_add(1, Ordering::SeqCst);
        let request: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, path) {
            ("POST", "/api/v2/signingCert") => match self.authority.issue(&request, self.fault) {
                Some(chain) => server::Answer::json(201, &chain),
                None => server::Answer::json(
                    400,
                    &json!({"code": 3, "message": "There was an error processing the identity token"}),
                ),
            },
            ("GET", "/token?run=1&audience=sigstore") => {
                server::Answer::json(200, &json!({"value": Sigstore::token(WORKFLOW, WORKFLOW_ISSUER)}))
            }
            ("POST", "/api/v1/log/entries") if self.fault == Fault::Known => {
                let (uuid, _) = self.log.add(&request, self.fault);
                server::Answer::json(409, &json!({})).at(format!("/api/v1/log/entries/{uuid}"))
            }
            ("POST", "/api/v2/log/entries") => server::Answer::json(201, &self.log.add_v2(&request)),
            ("POST", "/time") => server::Answer::bytes(200, self.time.answer(body)),
            ("POST", "/api/v1/log/entries") => server::Answer::json(201, &self.log.add(&request, self.fault).1),
            ("GET", path) => match self.log.find(path.trim_start_matches("/api/v1/log/entries/")) {
                Some(entry) => server::Answer::json(200, &entry),
                None => server::Answer::json(404, &json!({})),
            },
            _ => server::Answer::json(404, &json!({})),
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
