use std::fmt;

use regex_lite::{Regex, RegexBuilder};

use crate::Result;
use crate::error::{malformed, untrusted};

/// Largest compiled expression in bytes.
const LARGEST: usize = 1 << 20;

/// A text, or an expression that describes texts.
#[derive(Clone, Debug)]
pub enum Match {
    /// This text and no other.
    Exact(String),
    /// Texts that the expression matches from beginning to end.
    Pattern(Box<Regex>, String),
}

impl Match {
    /// A condition of one of the two forms; empty texts count as none.
    ///
    /// An expression has to match the whole text: `acme` is not found within `https://evil.example/acme`. Whoever wants that
    /// writes `.*acme.*`.
    ///
    /// # Errors
    /// None or both are given, or the expression cannot be read.
    pub fn new(what: &str, exact: Option<&str>, pattern: Option<&str>) -> Result<Self> {
        let given = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        match (given(exact), given(pattern)) {
            (Some(exact), None) => Ok(Self::Exact(exact)),
            (None, Some(pattern)) => {
                let compile = |text: &str| RegexBuilder::new(text).size_limit(LARGEST).build();
                let wrong = |error| malformed(format!("{what}: {pattern:?} is no regular expression: {error}"));
                // Alone first, so that nothing in it can close the group that it is put into.
                compile(&pattern).map_err(wrong)?;
                let whole = compile(&format!(r"\A(?:{pattern})\z")).map_err(wrong)?;
                Ok(Self::Pattern(Box::new(whole), pattern))
            }
            (None, None) => Err(malformed(format!("{what} is missing: give it, or a regular expression for it"))),
            (Some(_), Some(_)) => Err(malformed(format!("{what} is given twice, as text and as regular expression"))),
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == text,
            Self::Pattern(pattern, _) => pattern.is_match(text),
        }
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => write!(f, "{text:?}"),
            Self::Pattern(_, text) => write!(f, "something that matches {text:?}"),
        }
    }
}

/// Who is expected to have signed: an identity, and who vouches for it. One without the other says nothing, because everybody
/// may run an issuer that calls people what it likes.
#[derive(Clone, Debug)]
pub struct ExpectedSigner {
    /// The subject alternative name of the certificate: a mail address, or the address of a workflow.
    pub identity: Match,
    /// The issuer of the identity token (`https://accounts.google.com`).
    pub issuer: Match,
}

impl ExpectedSigner {
    pub(super) fn check(&self, identity: Option<&str>, issuer: Option<&str>) -> Result<()> {
        for (what, expected, actual) in [("signer", &self.identity, identity), ("issuer", &self.issuer, issuer)] {
            let actual = actual.filter(|actual| !actual.is_empty());
            if !actual.is_some_and(|actual| expected.fits(actual)) {
                let actual = actual.unwrap_or("nobody");
                return Err(untrusted(format!(
                    "the {what} of the certificate is {actual}, but {expected} is expected"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Match {
        Match::new("identity", None, Some(text)).unwrap()
    }

    #[test]
    fn expressions_match_from_beginning_to_end() {
        assert!(pattern("a@acme.org|b@acme.org").fits("b@acme.org"));
        assert!(pattern(".*@acme[.]org").fits("x@acme.org"));
        for (text, other) in [
            ("acme.org", "https://evil.example/acme.org"),
            (".*@acme.org", "a@acme.org.evil.example"),
            ("^a$", "a\nb"),
            ("(?m)^a$", "b\na"),
            ("a", "a\n"),
        ] {
            assert!(!pattern(text).fits(other), "{text}");
        }
    }

    #[test]
    fn one_of_each_pair_is_needed() {
        for (exact, expression) in [
            (None, None),
            (Some(""), None),
            (Some("a"), Some("a")),
            (None, Some("(")),
            (None, Some("a)|(b")),
            (None, Some("(?x)a#")),
        ] {
            assert!(Match::new("identity", exact, expression).is_err(), "{exact:?} {expression:?}");
        }
        let both = ExpectedSigner { identity: pattern("a"), issuer: Match::Exact("b".into()) };
        assert!(both.check(Some("a"), Some("b")).is_ok());
        for (identity, issuer) in [(Some("b"), Some("b")), (Some("a"), None), (None, Some("b")), (Some("a"), Some(""))]
        {
            assert!(both.check(identity, issuer).is_err());
        }
    }
}
