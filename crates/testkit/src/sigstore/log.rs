use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::authority::{Key, sha256};
use super::{Fault, now};

/// A log in which every entry is the first of a tree of its own.
pub(super) struct Log {
    pub(super) key: Key,
    entries: Mutex<BTreeMap<String, Value>>,
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Log {
    pub(super) fn new() -> Self {
        Self { key: Key::new(), entries: Mutex::default() }
    }

    pub(super) fn find(&self, uuid: &str) -> Option<Value> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(uuid).cloned()
    }

    /// The root of a tree with one entry, and the note that says so.
    fn tree(&self, body: &str) -> (Vec<u8>, String) {
        let root = sha256(&[&[0], body.as_bytes()].concat());
        let note = format!("here - 1\n1\n{}\n", STANDARD.encode(&root));
        let signed = [&self.key.id()[..4], &self.key.sign(note.as_bytes())].concat();
        let checkpoint = format!("{note}\n\u{2014} here {}\n", STANDARD.encode(signed));
        (root, checkpoint)
    }

    /// The answer of a log of the second kind to a new entry.
    pub(super) fn add_v2(&self, request: &Value) -> Value {
        let entry = &request["hashedRekordRequestV002"];
        let signature = &entry["signature"];
        let body = json!({
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": {"hashedRekordV002": {
                "data": {"algorithm": "SHA2_256", "digest": entry["digest"]},
                "signature": {
                    "content": signature["content"],
                    "verifier": {
                        "keyDetails": signature["verifier"]["keyDetails"],
                        "x509Certificate": {"rawBytes": signature["verifier"]["x509Certificate"]["rawBytes"]},
                    },
                },
            }},
        })
        .to_string();
        let (root, checkpoint) = self.tree(&body);
        json!({
            "logIndex": "0",
            "logId": {"keyId": STANDARD.encode(self.key.id())},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "integratedTime": "0",
            "inclusionProof": {
                "logIndex": "0", "rootHash": STANDARD.encode(root), "treeSize": "1", "hashes": [],
                "checkpoint": {"envelope": checkpoint},
            },
            "canonicalizedBody": STANDARD.encode(body),
        })
    }

    /// The name of a new entry, and the answer with it.
    pub(super) fn add(&self, request: &Value, fault: Fault) -> (String, Value) {
        let spec = &request["spec"];
        // In the order of canonical JSON.
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": {"hash": {
                    "algorithm": spec["data"]["hash"]["algorithm"], "value": spec["data"]["hash"]["value"],
                }},
                "signature": {
                    "content": spec["signature"]["content"],
                    "publicKey": {"content": spec["signature"]["publicKey"]["content"]},
                },
            },
        })
        .to_string();
        let (root, checkpoint) = self.tree(&body);
        let (body, time, id) = (STANDARD.encode(&body), now(), hex(&self.key.id()));
        let promised = json!({"body": body, "integratedTime": time, "logID": id, "logIndex": 0}).to_string();
        let key = if fault == Fault::EmptyPromise { &Key::new() } else { &self.key };
        let entry = json!({
            "body": body,
            "integratedTime": time,
            "logID": id,
            "logIndex": 0,
            "verification": {
                "inclusionProof": {
                    "checkpoint": checkpoint, "hashes": [], "logIndex": 0, "rootHash": hex(&root), "treeSize": 1,
                },
                "signedEntryTimestamp": STANDARD.encode(key.sign(promised.as_bytes())),
            },
        });
        let uuid = hex(&root);
        let answer = json!({uuid.clone(): entry});
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(uuid.clone(), answer.clone());
        (uuid, answer)
    }
}
