use serde::de::DeserializeOwned;
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, Options};

/// How YAML is read in this project: by the rules of YAML 1.1, a key twice is an error, and the budget for nodes allows
/// documents with tens of thousands of resources while references that multiply are still refused.
pub fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 5_000_000,
            max_events: 20_000_000,
            max_depth: 100,
            max_documents: 1,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        legacy_octal_numbers: true,
        non_finite_float_policy: NonFiniteFloatPolicy::Reject,
        with_snippet: false,
    }
}

/// Reads one document.
///
/// Text members keep the source text of an unquoted scalar (`version: 1.10` is `1.10`) when `T` asks for text directly.
///
/// # Errors
///
/// Syntax, duplicate keys, a second document, a spent budget, or a document that is no `T`; with line and column.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_saphyr::from_str_with_options(text, options())
}

/// Reads one document with its merge keys (`<<`) as they are written, in place of what they stand for.
///
/// # Errors
///
/// As [`read`].
pub(crate) fn read_unmerged<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    let mut options = options();
    options.merge_keys = MergeKeyPolicy::AsOrdinary;
    serde_saphyr::from_str_with_options(text, options)
}
