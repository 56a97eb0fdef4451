/// A shell pattern for one path, with the rules of Go's `path.Match`.
///
/// `*` stands for any characters but `/`, `?` for one, `[a-z]` and `[^a-z]` for one of a class; a backslash takes away
/// the meaning of what follows. There is no `**`: a pattern has as many components as the paths it matches.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    tokens: Vec<Token>,
}

#[derive(Clone, Debug)]
enum Token {
    Any,
    One,
    Class { negated: bool, ranges: Vec<(char, char)> },
    Literal(char),
}

/// Text that is not a pattern.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0:?} is not a valid pattern: a character class or a backslash at its end is not closed")]
pub struct InvalidPattern(pub String);

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let tokens = tokens(text).ok_or_else(|| InvalidPattern(text.to_owned()))?;
        Ok(Self { text: text.to_owned(), tokens })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole path matches.
    pub fn matches(&self, path: &str) -> bool {
        let path: Vec<char> = path.chars().collect();
        let (mut token, mut at) = (0, 0);
        // The last `*` seen, and where its text ended: only that one needs to be tried again, longer. Quadratic at
        // worst, however many stars there are.
        let mut star: Option<(usize, usize)> = None;
        loop {
            let next = path.get(at).copied();
            match self.tokens.get(token) {
                None if next.is_none() => return true,
                Some(Token::Any) => {
                    star = Some((token, at));
                    token += 1;
                    continue;
                }
                Some(single) if next.is_some_and(|next| single.matches(next)) => {
                    token += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match star {
                Some((star_token, end)) if path.get(end).is_some_and(|next| *next != '/') => {
                    star = Some((star_token, end + 1));
                    token = star_token + 1;
                    at = end + 1;
                }
                _ => return false,
            }
        }
    }
}

impl Token {
    fn matches(&self, next: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => next != '/',
            Self::Literal(literal) => *literal == next,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&next)) != *negated
            }
        }
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(next) = rest.next() {
        tokens.push(match next {
            '*' => Token::Any,
            '?' => Token::One,
            '\\' => Token::Literal(rest.next()?),
            '[' => {
                let negated = rest.next_if_eq(&'^').is_some();
                let mut ranges = Vec::new();
                while ranges.is_empty() || rest.next_if_eq(&']').is_none() {
                    let low = class_character(&mut rest)?;
                    let high = if rest.next_if_eq(&'-').is_some() { class_character(&mut rest)? } else { low };
                    ranges.push((low, high));
                }
                Token::Class { negated, ranges }
            }
            literal => Token::Literal(literal),
        });
    }
    Some(tokens)
}

fn class_character(rest: &mut impl Iterator<Item = char>) -> Option<char> {
    match rest.next()? {
        '-' | ']' => None,
        '\\' => rest.next(),
        literal => Some(literal),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_go_does() {
        for (pattern, path, matches) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-x]", "-", true),
            ("[x\\-]", "z", false),
            ("*x", "xxx", true),
            ("", "", true),
            ("*", "", true),
            ("*", ".", true),
            ("sub/*.txt", "sub/b.txt", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(path), matches, "{pattern} {path}");
        }
        for bad in ["[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
