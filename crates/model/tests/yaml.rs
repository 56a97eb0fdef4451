//! Written YAML reads back as the same value, by the rules of YAML 1.1.

#![allow(clippy::unwrap_used, clippy::panic)]

use ocm_model::yaml;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

#[track_caller]
fn assert_survives(value: &Value) {
    for text in [yaml::to_string(value), yaml::to_string_folded(value)] {
        let read: Value = yaml::read(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(&read, value, "{text}");
        assert!(text.ends_with('\n'));
    }
}

/// Texts that some reader of YAML takes for something else, and texts that hurt.
const NASTY: &[&str] = &[
    "",
    " ",
    "  ",
    "a ",
    " a",
    "yes",
    "No",
    "ON",
    "off",
    "y",
    "N",
    "true",
    "False",
    "null",
    "Null",
    "NULL",
    "~",
    "nil",
    "0",
    "00",
    "0123",
    "0o17",
    "0x1F",
    "0b101",
    "1_000",
    "_1",
    "1e3",
    "1E+3",
    "1e",
    "e1",
    "+1",
    "-1",
    "-",
    "--",
    "---",
    "...",
    ".",
    "..",
    ".5",
    "5.",
    "1.0",
    "1.0.0",
    "1.2.3.4",
    "1:30",
    "190:20:30.15",
    "12:34",
    ".inf",
    "-.inf",
    "+.INF",
    ".nan",
    ".NaN",
    "2024-01-02",
    "2024-1-2",
    "2024-01-02T03:04:05Z",
    "2024-01-02 03:04:05",
    "2024-01-02t03:04:05.5+01:00",
    "20240102",
    "<<",
    "=",
    "!",
    "!!str",
    "&a",
    "*a",
    "#",
    "a#b",
    "a #b",
    "#a",
    ":",
    ":a",
    "a:",
    "a: b",
    "a:b",
    "? a",
    "?a",
    "- a",
    "-a",
    "[",
    "]",
    "{",
    "}",
    "[]",
    "{}",
    ",",
    "a,b",
    "%a",
    "@a",
    "`a",
    "|",
    ">",
    "|-",
    "'",
    "''",
    "\"",
    "it's",
    "\\",
    "\\n",
    "\n",
    "\n\n",
    "a\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a\n b",
    "a\nb ",
    "a \nb",
    "a\n\nb",
    "a\r",
    "a\r\nb",
    "\r",
    "\t",
    "a\tb",
    "\ta",
    "a\n\tb",
    "# a\nb",
    "- a\nb",
    "---\na",
    "a\n---\nb",
    "a\n...\n",
    "\u{0}",
    "\u{7}",
    "\u{7f}",
    "\u{85}",
    "a\u{85}b",
    "\u{a0}",
    "\u{2028}",
    "a\u{2029}b",
    "\u{feff}",
    "\u{feff}a",
    "\u{fffe}",
    "\u{1f600}",
    "ünï",
    "日本語",
    "123456789012345678901234567890",
    "1234567890123456789012345678901234567890",
    "9e99999",
    "1e400",
    "0.1e-5",
    "0x",
    "0b",
    "0o",
    "0b2",
    "0xg",
    "1_",
    "1__0",
    "1e_3",
    "0_7",
    "-0b1",
    "0b-1",
    "{\"name\":\"acme\"}",
    "key: [a, b]",
    "http://[::1]:5000/x",
    "C:\\x",
    "C:/x",
    "a: ",
    "a :b",
    "a\u{a0}#b",
    "\u{2028}",
    "Infinity",
    "NaN",
    "-Infinity",
    "inf",
    "nan",
    "1,000",
    "$1",
    "1%",
    "1/2",
    "+",
    "+.",
    "-.",
    "1e+",
    "0e0",
    "00.5",
    "0.",
    "08",
    "09.1",
    "0777_7",
];

#[test]
fn nasty_texts_as_values_keys_and_items() {
    for text in NASTY {
        assert_survives(&json!(text));
        assert_survives(
            &json!({*text: *text, "list": [*text, [*text], {*text: [*text]}], "map": {"deep": {*text: *text}}, "z": 1}),
        );
        assert_survives(&json!([*text, *text]));
    }
}

#[test]
fn structures() {
    for value in [
        json!({}),
        json!([]),
        json!(null),
        json!({"a": {}, "b": [], "c": [[], {}, [[]], [{}]], "d": null}),
        json!([[["a"], ["b", ["c"]]], [{"a": [{"b": [1]}]}]]),
        json!([{"a": 1, "b": {"c": 2}}, {"a": [1, 2]}]),
        json!({"a": "x\ny\n", "b": ["x\ny", {"c": "x\n\ny\n\n"}]}),
        json!({"k".repeat(129): {"v": [1]}, "l".repeat(2000): "x", "m".repeat(500): ["a"], "n".repeat(300): "a\nb\n"}),
        json!([{"k".repeat(200): {"v": 1}, "z": 2}]),
    ] {
        assert_survives(&value);
    }
}

#[test]
fn numbers() {
    for text in [
        "0",
        "-1",
        "9007199254740993",
        "18446744073709551615",
        "-9223372036854775808",
        "1.5",
        "0.000001",
        "1e21",
        "1e-7",
        "1.0",
        "-0.5",
        "1.7976931348623157e308",
        "5e-324",
        "123456789012345680000000",
    ] {
        assert_survives(&serde_json::from_str(text).unwrap());
    }
    assert_eq!(yaml::to_string(&json!({"b": 1e21, "a": 1.5e-7})), "a: 1.5e-7\nb: 1.0e+21\n");
}

#[test]
fn style() {
    let value = json!([{"b": ["x", {"y": 1, "x": "a: b"}], "a": "on"}]);
    assert_eq!(yaml::to_string(&value), "- a: \"on\"\n  b:\n  - x\n  - x: 'a: b'\n    \"y\": 1\n");
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,12}",
        "[-+_.:0-9eExoabTZ ]{1,12}",
        "[a \n\t:#'\"-]{0,10}",
        ".{0,8}",
        proptest::sample::select(NASTY).prop_map(str::to_owned),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        proptest::num::f64::NORMAL.prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((text(), inner), 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_survives(value in value()) {
        let text = yaml::to_string(&value);
        let read: Value = yaml::read(&text).map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read, value, "{}", text);
    }
}

#[test]
fn long_texts_are_broken_at_blanks() {
    let words = "word ".repeat(40);
    let value = json!({
        "plain": words.trim(), "single": format!("# {}", words.trim()), "double": format!("{}\t{words} {words}", words.trim()),
        "wide": format!("{}    {}   {}", words.trim(), words.trim(), words), "list": [words.trim()], "unbroken": "x".repeat(200),
        "quotes": format!("'{words}' and \"{words}\""),
    });
    assert_survives(&value);
    let text = yaml::to_string_folded(&json!({"a": {"text": words.trim()}}));
    assert!(text.lines().skip(1).all(|line| line.len() <= 90 && line.starts_with("  ")), "{text}");
    assert!(text.lines().count() > 3, "{text}");
}
