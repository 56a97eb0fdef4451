use std::collections::BTreeSet;
use std::fmt;

/// Longest pattern, in characters. Component names end at 255; the limit also bounds how deep braces can nest.
const LONGEST: usize = 1024;

/// A pattern of component names: `*` any text (slashes too), `?` any character, `[a-z]` and `[!a-z]` one character of a
/// set, `{a,b}` one of several patterns, `\` the next character as it is. The empty pattern matches every name.
///
/// Matching takes time in proportion to the product of both lengths, whatever the pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Character(char),
    AnyCharacter,
    AnyText,
    OneOf { ranges: Vec<(char, char)>, negated: bool },
    Alternatives(Vec<Vec<Part>>),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// What is wrong with it: a bracket or brace without its end, an empty or reversed set, a backslash at the end.
    pub fn parse(text: &str) -> Result<Self, String> {
        let characters: Vec<char> = text.chars().collect();
        if characters.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} characters"));
        }
        let mut reader = Reader { characters, position: 0 };
        let parts = reader.parts(false)?;
        Ok(Self { text: text.to_owned(), parts })
    }

    /// Whether the whole name fits.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.parts.is_empty() || ends(&self.parts, &name, BTreeSet::from([0])).contains(&name.len())
    }
}

/// All positions where a match of the parts may end that begins at one of these.
fn ends(parts: &[Part], name: &[char], starts: BTreeSet<usize>) -> BTreeSet<usize> {
    parts.iter().fold(starts, |starts, part| match part {
        Part::AnyText => starts.first().map_or_else(BTreeSet::new, |first| (*first..=name.len()).collect()),
        Part::Alternatives(all) => all.iter().flat_map(|parts| ends(parts, name, starts.clone())).collect(),
        single => {
            let fits = |start: &usize| name.get(*start).is_some_and(|character| single.contains(*character));
            starts.into_iter().filter(fits).map(|start| start + 1).collect()
        }
    })
}

impl Part {
    fn contains(&self, character: char) -> bool {
        match self {
            Self::Character(only) => character == *only,
            Self::AnyCharacter => true,
            Self::OneOf { ranges, negated } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *negated
            }
            Self::AnyText | Self::Alternatives(_) => false,
        }
    }
}

struct Reader {
    characters: Vec<char>,
    position: usize,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let character = self.characters.get(self.position).copied();
        self.position += 1;
        character
    }

    fn peek(&self) -> Option<char> {
        self.characters.get(self.position).copied()
    }

    /// Parts up to the end, or in braces up to the comma or brace that ends them, which stays.
    fn parts(&mut self, in_braces: bool) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        while let Some(character) = self.peek() {
            if in_braces && matches!(character, ',' | '}') {
                break;
            }
            self.position += 1;
            parts.push(match character {
                '*' if parts.last() == Some(&Part::AnyText) => continue,
                '*' => Part::AnyText,
                '?' => Part::AnyCharacter,
                '[' => self.set()?,
                '{' => self.alternatives()?,
                '\\' => Part::Character(self.escaped()?),
                character => Part::Character(character),
            });
        }
        Ok(parts)
    }

    fn alternatives(&mut self) -> Result<Part, String> {
        let mut all = Vec::new();
        loop {
            all.push(self.parts(true)?);
            match self.next() {
                Some(',') => {}
                Some(_) => return Ok(Part::Alternatives(all)),
                None => return Err("has a { without its }".into()),
            }
        }
    }

    fn set(&mut self) -> Result<Part, String> {
        let negated = self.peek() == Some('!');
        self.position += usize::from(negated);
        let mut ranges = Vec::new();
        loop {
            let first = match self.next() {
                None => return Err("has a [ without its ]".into()),
                Some(']') if ranges.is_empty() => return Err("has an empty set []".into()),
                Some(']') => return Ok(Part::OneOf { ranges, negated }),
                Some('\\') => self.escaped()?,
                Some(character) => character,
            };
            let is_range =
                self.peek() == Some('-') && !matches!(self.characters.get(self.position + 1), None | Some(']'));
            let last = if is_range {
                self.position += 1;
                match self.next() {
                    Some('\\') => self.escaped()?,
                    other => other.unwrap_or(first),
                }
            } else {
                first
            };
            if last < first {
                return Err(format!("has the range {first}-{last}, which ends before it begins"));
            }
            ranges.push((first, last));
        }
    }

    fn escaped(&mut self) -> Result<char, String> {
        self.next().ok_or_else(|| "ends with a backslash".into())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn stars_cross_slashes() {
        assert!(matches("acme.org/*", "acme.org/a/b"));
        assert!(matches("*", "acme.org/a/b"));
        assert!(matches("**/b", "acme.org/a/b"));
        assert!(matches("*a*b*", "acme.org/a/b"));
        assert!(!matches("acme.org/*", "acme.com/a"));
        assert!(!matches("acme.org/*", "acme.org"));
    }

    #[test]
    fn an_empty_pattern_matches_everything() {
        assert!(matches("", "acme.org/a"));
    }

    #[test]
    fn single_characters_and_sets() {
        assert!(matches("a?c", "abc") && matches("a?c", "a/c") && !matches("a?c", "ac"));
        assert!(matches("a[bx]c", "abc") && !matches("a[bx]c", "adc"));
        assert!(matches("v[0-9a]", "v7") && matches("v[0-9a]", "va") && !matches("v[0-9a]", "vb"));
        assert!(matches("v[!0-9]", "vx") && !matches("v[!0-9]", "v1") && !matches("v[!0-9]", "v"));
        assert!(matches("a[-]", "a-") && matches("a[b-]", "a-"));
        assert!(matches(r"a\*", "a*") && !matches(r"a\*", "ab"));
    }

    #[test]
    fn alternatives_may_nest_and_may_be_empty() {
        for name in ["acme.org/a", "acme.com/a", "acme.community/a"] {
            assert!(matches("acme.{org,com{,munity}}/*", name), "{name}");
        }
        assert!(!matches("acme.{org,com}/*", "acme.net/a"));
        assert!(matches("a,b}", "a,b}"));
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        for (pattern, reason) in [
            ("[", "without its ]"),
            ("a[]", "empty set"),
            ("{a,b", "without its }"),
            ("[z-a]", "ends before"),
            ("a\\", "backslash"),
        ] {
            let problem = Pattern::parse(pattern).unwrap_err();
            assert!(problem.contains(reason), "{pattern}: {problem}");
        }
        assert!(Pattern::parse(&"{".repeat(2000)).unwrap_err().contains("longer"));
    }

    #[test]
    fn no_pattern_takes_forever() {
        let name = "a".repeat(255);
        assert!(!matches(&"*a".repeat(300), &name));
        assert!(!matches(&format!("{}b", "{a,aa,aaa}".repeat(50)), &name));
        assert!(!matches(&format!("{}b{}", "{*b,".repeat(180), "}".repeat(180)), &name));
    }
}
