//! Patterns of paths, as Go's `path.Match` reads them: `*` and `?` stay inside one segment.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern that was checked.
pub(super) struct Glob(Vec<Token>);

enum Token {
    Any,
    One,
    Literal(char),
    Set { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// `None` for a pattern that means nothing.
    pub(super) fn parse(pattern: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = pattern.chars().peekable();
        while let Some(character) = rest.next() {
            tokens.push(match character {
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => Token::Literal(rest.next()?),
                '[' => set(&mut rest)?,
                other => Token::Literal(other),
            });
        }
        Some(Self(tokens))
    }

    /// Whether the pattern covers all of `path`.
    pub(super) fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        // Where to go on when what follows the last star did not fit: one character further.
        let (mut token, mut at, mut star) = (0, 0, None);
        loop {
            match self.0.get(token) {
                Some(Token::Any) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                Some(other) if path.get(at).is_some_and(|character| other.takes(*character)) => {
                    (token, at) = (token + 1, at + 1);
                    continue;
                }
                None if at == path.len() => return true,
                _ => {}
            }
            match star {
                Some((any, covered)) if path.get(covered).is_some_and(|character| *character != '/') => {
                    star = Some((any, covered + 1));
                    (token, at) = (any + 1, covered + 1);
                }
                _ => return false,
            }
        }
    }

    /// Whether it stands for one path only.
    pub(super) fn is_literal(&self) -> bool {
        self.0.iter().all(|token| matches!(token, Token::Literal(_)))
    }
}

impl Token {
    fn takes(&self, character: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => character != '/',
            Self::Literal(literal) => *literal == character,
            Self::Set { negated, ranges } => {
                character != '/' && ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *negated
            }
        }
    }
}

fn set(rest: &mut Peekable<Chars<'_>>) -> Option<Token> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
        let first = member(rest)?;
        let last = if rest.next_if_eq(&'-').is_some() { member(rest)? } else { first };
        ranges.push((first, last));
    }
    Some(Token::Set { negated, ranges })
}

fn member(rest: &mut Peekable<Chars<'_>>) -> Option<char> {
    match rest.next()? {
        '\\' => rest.next(),
        '-' | ']' => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_mean_in_go() {
        for (pattern, path, expected) in [
            ("a", "a", true),
            ("a", "a/b", false),
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/*", "a", false),
            ("a/**", "a/b/c", false),
            ("*/b", "a/b", true),
            ("a*c/*d", "abbc/ccd", true),
            ("?", "/", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "/x", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(Glob::parse(pattern).map(|glob| glob.matches(path)), Some(expected), "{pattern} {path}");
        }
        for pattern in ["[", "[a", "[]a]", "[-]", "a\\", "[a-]"] {
            assert!(Glob::parse(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn stars_that_do_not_fit_take_no_time() {
        let glob = Glob::parse(&"*a".repeat(50)).map(|glob| glob.matches(&"a".repeat(49)));
        assert_eq!(glob, Some(false));
    }
}
