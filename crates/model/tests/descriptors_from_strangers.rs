//! Descriptors that somebody made to hurt: none makes a reader panic, take the memory of the machine, or show two readers
//! two different documents.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, Instant};

use ocm_model::Descriptor;
use ocm_model::descriptor::Schema;
use ocm_model::normalise::{Algorithm, Reduction, check_unambiguous, normalise_as};

/// What any text may take: reading is linear, and a test machine may be slow.
const LONG: Duration = Duration::from_secs(20);

/// Does with a descriptor what programs do with it.
fn use_it(descriptor: &Descriptor) {
    let _ = check_unambiguous(descriptor);
    for algorithm in [Algorithm::V1, Algorithm::V2, Algorithm::V3, Algorithm::V4Alpha1] {
        for reduction in [Reduction::None, Reduction::GoV2] {
            let form = normalise_as(descriptor, algorithm, reduction).unwrap();
            serde_json::from_slice::<serde_json::Value>(&form).unwrap();
        }
    }
    let _ = descriptor.view();
    let written = descriptor.write_json();
    let again = Descriptor::read(&written).unwrap();
    // A descriptor of the older schema is written in the form of the current one.
    if descriptor.schema == Schema::V2 {
        assert_eq!(again.write_json(), written);
        let form = |descriptor| normalise_as(descriptor, Algorithm::V4Alpha1, Reduction::None);
        assert_eq!(form(&again), form(descriptor));
    }
}

fn with_label(value: &str) -> String {
    format!(
        r#"{{"meta":{{"schemaVersion":"v2"}},"component":{{"name":"acme.org/a","version":"1.0.0","provider":"p",
        "labels":[{{"name":"l","signing":true,"value":{value}}}],"repositoryContexts":[],"resources":[],"sources":[],"componentReferences":[]}}}}"#
    )
}

fn form(value: &str) -> Result<String, String> {
    let descriptor = Descriptor::read(with_label(value).as_bytes()).map_err(|error| error.to_string())?;
    let form = normalise_as(&descriptor, Algorithm::V3, Reduction::None).map_err(|error| error.to_string())?;
    let form = String::from_utf8(form).unwrap();
    let (_, value) = form.split_once(r#""value":"#).unwrap();
    Ok(value.split_once(r#"}],"name":"acme.org/a""#).unwrap().0.to_owned())
}

#[test]
fn numbers_are_the_ones_of_a_double() {
    for (text, expected) in [
        ("1e21", "1e+21"),
        ("1E+2", "100"),
        ("9007199254740993", "9007199254740992"),
        ("18446744073709551616", "18446744073709552000"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0.000001", "0.000001"),
        ("1e-7", "1e-7"),
        ("1e-400", "0"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("4.35", "4.35"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
    ] {
        assert_eq!(form(text).as_deref(), Ok(expected), "{text}");
    }
    // No double, and so nothing that canonical JSON could say.
    for text in ["1e400", "-1e309", ".inf", "-.inf", ".nan"] {
        assert!(form(text).is_err(), "{text}: {:?}", form(text));
    }
}

#[test]
fn texts_that_readers_take_differently_are_refused() {
    // Half of a pair of UTF-16 units: Go would put U+FFFD there, which is another text.
    for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud83dx""#] {
        assert!(form(text).is_err(), "{text}: {:?}", form(text));
    }
    assert_eq!(form(r#""\ud83d\ude00 \u0000 \u001f \u007f\/""#).unwrap(), "\"\u{1f600} \\u0000 \\u001f \u{7f}/\"");
    let [bom, latin, nul] = [b"\xef\xbb\xbf".as_slice(), b"\xff\xfe", b"\0"];
    let document = with_label("1");
    assert!(Descriptor::read(&[bom, document.as_bytes()].concat()).is_ok());
    assert!(Descriptor::read(&[latin, document.as_bytes()].concat()).is_err());
    assert!(Descriptor::read(&[nul, document.as_bytes()].concat()).is_err());
    assert!(Descriptor::read(&[document.as_bytes(), nul].concat()).is_err());
    assert!(Descriptor::read(&[document.as_bytes(), b"{}"].concat()).is_err());
}

#[test]
fn nesting_without_end_is_an_error() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":[", "]}]"), ("- ", ""), ("? ", ""), ("!!x ", "")] {
        for depth in [200, 100_000, 1_000_000] {
            let begun = Instant::now();
            let value = open.repeat(depth) + "1" + &close.repeat(depth);
            for document in [with_label(&value), value.clone(), format!("meta: {value}"), open.repeat(depth)] {
                assert!(Descriptor::read(document.as_bytes()).is_err(), "{open} {depth}");
            }
            assert!(begun.elapsed() < LONG, "{open} {depth}: {:?}", begun.elapsed());
        }
    }
    assert!(Descriptor::read(with_label(&("[".repeat(90) + &"]".repeat(90))).as_bytes()).is_ok());
}

#[test]
fn a_large_label_is_read_and_written_once() {
    let begun = Instant::now();
    let descriptor = Descriptor::read(with_label(&format!("{:?}", "x\"é".repeat(4 << 20))).as_bytes()).unwrap();
    let form = normalise_as(&descriptor, Algorithm::V4Alpha1, Reduction::None).unwrap();
    assert!(form.len() > 20 << 20 && begun.elapsed() < LONG, "{} {:?}", form.len(), begun.elapsed());
}

#[test]
fn yaml_that_multiplies_is_refused() {
    let mut text = String::from("meta: {schemaVersion: v2}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        text.extend([format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "))]);
    }
    text +=
        "component: {name: acme.org/a, version: 1.0.0, provider: p, labels: [{name: l, signing: true, value: *a9}]}\n";
    let begun = Instant::now();
    assert!(Descriptor::read(text.as_bytes()).is_err());
    assert!(begun.elapsed() < LONG);
}

/// A generator whose numbers are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % limit.max(1) as u64).unwrap()
    }
}

#[test]
fn changed_descriptors_never_make_a_reader_panic() {
    let words: [&[u8]; 22] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b",",
        b":",
        b"null",
        b"true",
        b"1e400",
        b"-0",
        b"\\ud800",
        b"\\u0000",
        b"\0",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\n",
        b"- ",
        b"&a ",
        b"*a",
        b"name",
        b"labels",
    ];
    let seeds = ["complete.yaml", "complete.go.json", "v3alpha1.yaml"].map(|name| {
        std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
    });
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut read = 0;
    for round in 0..4000 {
        let mut text = seeds[round % seeds.len()].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            match random.below(4) {
                0 => drop(text.drain(at..(at + random.below(40)).min(text.len()))),
                1 => text[at] = u8::try_from(random.below(256)).unwrap(),
                2 => drop(text.splice(at..at, words[random.below(words.len())].iter().copied())),
                _ => {
                    let end = (at + random.below(200)).min(text.len());
                    let piece = text[at..end].to_vec();
                    let to = random.below(text.len());
                    drop(text.splice(to..to, piece));
                }
            }
        }
        if let Ok(descriptor) = Descriptor::read(&text) {
            read += 1;
            use_it(&descriptor);
        }
    }
    assert!(read > 100, "only {read} were descriptors: the changes are too wild");
}
