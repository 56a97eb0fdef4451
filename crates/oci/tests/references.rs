//! References as the older program read them, where its recorded answers are at hand.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

use ocm_oci::ImageReference;
use serde_json::Value;

#[test]
fn what_the_older_program_reads() {
    let path = "../../../shared/vectors/generated-v2/references/looseref.json";
    let Ok(text) = std::fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    for case in &cases {
        let input = case["input"].as_str().unwrap();
        let read = input.parse::<ImageReference>();
        if case["error"] == true {
            assert!(read.is_err(), "{input}");
            continue;
        }
        let read = read.unwrap();
        assert_eq!(read.to_string(), case["string"], "{input}");
        assert_eq!(read.tag().unwrap_or_default(), case["tag"], "{input}");
        let version = read.digest().map(ToString::to_string).or(read.tag().map(str::to_owned)).unwrap_or_default();
        assert_eq!(version, case["reference"], "{input}");
        // Where a host is written, it is the same one; a first segment that is no host is ours to read differently.
        if let Some(host) = read.written_host() {
            assert_eq!(host, case["registry"], "{input}");
        }
    }
    assert!(!cases.is_empty());
}
