//! Normal forms against the digests both older programs make.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr)]

use std::path::Path;

use ocm_blob::{Algorithm as Hash, Digester};
use ocm_model::Descriptor;
use ocm_model::normalise::{Algorithm, Reduction, normalise, normalise_as};
use serde_json::Value;

const VECTORS: &str = "../../../shared/vectors";

fn vectors() -> Option<&'static Path> {
    let path = Path::new(VECTORS);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: {VECTORS} is not here");
    None
}

fn hex(algorithm: Hash, bytes: &[u8]) -> String {
    let mut digester = Digester::new(algorithm);
    digester.update(bytes);
    digester.finish().hex()
}

fn descriptor(path: &Path) -> Descriptor {
    Descriptor::read(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[track_caller]
fn assert_form(case: &str, form: &[u8], expected: &[u8]) {
    assert_eq!(String::from_utf8_lossy(form), String::from_utf8_lossy(expected), "{case}");
}

const COMPLETE: &str = include_str!("data/complete.yaml");

#[test]
fn own_descriptor_in_every_form() {
    let descriptor = Descriptor::read(COMPLETE.as_bytes()).unwrap();
    for (algorithm, reduction, expected) in [
        (Algorithm::V1, Reduction::None, include_str!("data/complete.v1.txt")),
        (Algorithm::V2, Reduction::None, include_str!("data/complete.v2.json")),
        (Algorithm::V3, Reduction::None, include_str!("data/complete.v3.json")),
        (Algorithm::V4Alpha1, Reduction::None, include_str!("data/complete.v4alpha1.json")),
        (Algorithm::V4Alpha1, Reduction::GoV2, include_str!("data/complete.go.json")),
    ] {
        let form = normalise_as(&descriptor, algorithm, reduction).unwrap();
        assert_form(&format!("{algorithm} {reduction:?}"), &form, expected.trim_end().as_bytes());
    }
}

#[test]
fn names() {
    for algorithm in [Algorithm::V1, Algorithm::V2, Algorithm::V3, Algorithm::V4Alpha1] {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
    }
    assert!("jsonNormalisation/v5".parse::<Algorithm>().is_err());
}

#[test]
fn what_is_not_signed_does_not_matter() {
    let descriptor = Descriptor::read(COMPLETE.as_bytes()).unwrap();
    let mut other = descriptor.clone();
    other.component.repository_contexts.clear();
    other.component.resources[0].access = ocm_model::TypedObject::new("wget").with("url", "https://acme.org/x");
    other.component.labels.retain(ocm_model::Label::is_signed);
    other.signatures.clear();
    other.component.other.insert("unknown".into(), Value::Bool(true));
    assert_ne!(descriptor, other);
    for algorithm in [Algorithm::V1, Algorithm::V2, Algorithm::V3, Algorithm::V4Alpha1] {
        assert_eq!(normalise(&descriptor, algorithm), normalise(&other, algorithm), "{algorithm}");
    }
}

#[test]
fn normal_forms_of_the_older_program() {
    let Some(vectors) = vectors() else { return };
    let folder = vectors.join("v1/normalisation");
    let index: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("index.json")).unwrap()).unwrap();
    assert!(index.len() >= 12);
    for row in index {
        let case = row["case"].as_str().unwrap();
        let name = row["algorithm"].as_str().unwrap();
        let form = normalise(&descriptor(&folder.join(case).join("input.yaml")), name.parse().unwrap()).unwrap();
        let expected =
            std::fs::read(folder.join(case).join(format!("expected.{}.txt", name.replace('/', "-")))).unwrap();
        assert_form(&format!("{case} {name}"), &form, &expected);
        assert_eq!(hex(Hash::Sha256, &form), row["sha256"], "{case}");
        assert_eq!(hex(Hash::Sha512, &form), row["sha512"], "{case}");
    }
}

#[test]
fn digests_of_the_older_program() {
    let Some(vectors) = vectors() else { return };
    let folder = vectors.join("v1");
    let index: Vec<Value> = serde_json::from_slice(&std::fs::read(folder.join("digests/index.json")).unwrap()).unwrap();
    assert!(index.len() >= 26);
    for row in index {
        let case = row["case"].as_str().unwrap();
        let path = folder.join(case).join("component-descriptor.yaml");
        let form = normalise(&descriptor(&path), row["algorithm"].as_str().unwrap().parse().unwrap()).unwrap();
        let hash = if row["hash"] == "SHA-512" { Hash::Sha512 } else { Hash::Sha256 };
        assert_form(case, &form, &std::fs::read(folder.join(case).join("normalised.txt")).unwrap());
        assert_eq!(hex(hash, &form), row["value"], "{case}");
    }
}

#[test]
fn normal_forms_of_the_newer_program() {
    let Some(vectors) = vectors() else { return };
    let mut count = 0;
    for entry in std::fs::read_dir(vectors.join("generated-v2/norm-v4alpha1")).unwrap() {
        let folder = entry.unwrap().path();
        let descriptor = descriptor(&folder.join("input.yaml"));
        let form = normalise_as(&descriptor, Algorithm::V4Alpha1, Reduction::GoV2).unwrap();
        assert_form(&folder.display().to_string(), &form, &std::fs::read(folder.join("expected.json")).unwrap());
        let expected = std::fs::read_to_string(folder.join("expected.sha256")).unwrap();
        assert_eq!(Some(hex(Hash::Sha256, &form).as_str()), expected.split_whitespace().next());
        count += 1;
    }
    assert_eq!(count, 8);

    let folder = vectors.join("v2/normalisation-conformance/legacy-jsonNormalisation-v3-01");
    let descriptor = descriptor(&folder.join("input.yaml"));
    let expected = std::fs::read(folder.join("expected.json")).unwrap();
    for algorithm in [Algorithm::V3, Algorithm::V4Alpha1] {
        assert_form(algorithm.name(), &normalise(&descriptor, algorithm).unwrap(), &expected);
    }
}

/// The descriptor in a blob: plain, or in a tar file of its own.
fn stored_descriptor(bytes: &[u8]) -> Option<Descriptor> {
    if bytes.starts_with(b"component-descriptor.yaml\0") {
        let size = std::str::from_utf8(bytes.get(124..135)?).ok()?;
        let size = usize::from_str_radix(size, 8).ok()?;
        return Descriptor::read(bytes.get(512..512 + size)?).ok();
    }
    bytes.starts_with(b"{").then(|| Descriptor::read(bytes).ok())?
}

fn files_below(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, files) } else { files.push(path) }
    }
}

/// Whatever either program signed has the digest it signed.
#[test]
fn signed_descriptors_of_both_programs() {
    let Some(vectors) = vectors() else { return };
    let mut files = Vec::new();
    for folder in ["v1-run", "v2-run", "generated-v2"] {
        files_below(&vectors.join(folder), &mut files);
    }
    let mut descriptors: Vec<_> = files
        .iter()
        .filter_map(|file| Some((file.clone(), stored_descriptor(&std::fs::read(file).unwrap())?)))
        .collect();
    for file in
        ["v1/sigstore/component-descriptor-signed.yaml", "generated-v2/signatures/component-descriptor-signed.yaml"]
    {
        descriptors.push((vectors.join(file), descriptor(&vectors.join(file))));
    }
    let mut checked = 0;
    for (file, descriptor) in descriptors {
        for signature in &descriptor.signatures {
            let digest = &signature.digest;
            let algorithm = digest.normalisation_algorithm.parse().unwrap();
            let hash = if digest.hash_algorithm == "SHA-512" { Hash::Sha512 } else { Hash::Sha256 };
            let matches = [Reduction::None, Reduction::GoV2]
                .into_iter()
                .any(|reduction| hex(hash, &normalise_as(&descriptor, algorithm, reduction).unwrap()) == digest.value);
            assert!(matches, "{} {}", file.display(), signature.name);
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} signatures");
}
