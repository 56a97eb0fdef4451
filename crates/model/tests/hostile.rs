//! No text makes a reader panic, and what was read prints as something that reads the same.

use ocm_model::{ComponentName, ComponentReference, Constraint, Descriptor, Identity, RepositoryReference, Version};
use proptest::prelude::*;

/// What references, constraints and descriptors are made of.
const WORDS: &[&str] = &[
    "ghcr.io",
    "localhost:5000",
    "acme.org",
    "/",
    "//",
    "::",
    ":",
    "@",
    "oci",
    "ctf",
    "tgz",
    "+",
    "http://",
    "file://",
    "C:\\",
    "..",
    ".",
    "[::1]",
    "component-descriptors",
    "product",
    "1.0.0",
    "v1",
    "-rc.1",
    "+b",
    "sha256:",
    "{\"type\":\"ctf\",\"filePath\":\"x\"}",
    "ü",
    " ",
    "%20",
    "x.tar",
    "=",
    ",",
    ">",
    "<",
    "~",
    "^",
    "*",
    "||",
    " - ",
    "x",
    "[",
    "]",
    "{",
    "}",
    "\n",
    "meta: ",
    "\u{1f600}",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(WORDS), 0..9).prop_map(|words| words.concat()),
        ".{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_never_panic(text in text()) {
        let _ = ComponentName::parse(&text);
        let _ = Constraint::parse(&text).map(|constraint| Version::parse("1.0.0-rc.1").map(|version| constraint.matches(&version)));
        let _ = ComponentReference::interpretations(&text);
        let _ = Descriptor::read(text.as_bytes());
    }

    #[test]
    fn repositories_print_what_they_are(text in text()) {
        if let Ok(reference) = RepositoryReference::parse(&text) {
            let printed = reference.to_string();
            let read = RepositoryReference::parse(&printed);
            // A type that has to be written to be understood is written short: only what is in it must be the same.
            let place = |reference: &RepositoryReference| {
                (matches!(reference, RepositoryReference::Oci { .. }), reference.to_spec().members)
            };
            prop_assert_eq!(read.as_ref().map(place), Ok(place(&reference)), "{:?}", printed);
            let spec = reference.to_spec();
            prop_assume!(spec.text("baseUrl") != Some(""));
            let again = RepositoryReference::from_spec(&spec);
            prop_assert_eq!(again.as_ref().map(RepositoryReference::to_spec), Ok(spec));
        }
    }

    #[test]
    fn components_print_what_they_are(repository in text(), tail in "(:1\\.0\\.0)?") {
        if let Ok(reference) = ComponentReference::parse(&format!("{repository}//acme.org/product{tail}")) {
            let printed = reference.to_string();
            let read = ComponentReference::parse(&printed);
            let place = |reference: &ComponentReference| {
                (reference.repository.to_spec().members, reference.component.clone(), reference.version.clone())
            };
            prop_assert_eq!(read.as_ref().map(place), Ok(place(&reference)), "{:?}", printed);
        }
    }

    #[test]
    fn versions_keep_their_spelling_and_survive_as_tags(text in "v?(0|[1-9][0-9]{0,3})(\\.(0|[1-9][0-9]?)){0,2}(-[a-z]{1,3}(\\.[1-9])?)?(\\+[a-z0-9]{1,4}(\\.[a-z0-9-]{1,3})?)?") {
        let version = Version::parse(&text);
        prop_assert_eq!(version.as_ref().map(Version::as_str), Ok(text.as_str()));
        if let Ok(version) = version {
            prop_assert!(!version.to_tag().contains('+'));
            prop_assert_eq!(Version::from_tag(&version.to_tag()), Ok(version));
        }
    }

    #[test]
    fn identities_read_what_they_print(text in text()) {
        if let Ok(identity) = Identity::parse(&text) {
            prop_assert_eq!(Identity::parse(&identity.to_string()), Ok(identity));
        }
    }
}
