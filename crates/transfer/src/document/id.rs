use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// The name of an identity in expressions: `transform`, then the words of its values in the order of their keys, each
/// with a capital letter: `{name: acme.org/hello, version: 1.0.0}` is `transformAcmeOrgHello100`.
///
/// Different identities may get one name; [`Names`] tells those apart.
pub(super) fn id<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    let mut id = String::from("transform");
    for value in values {
        let mut starts = true;
        for letter in value.chars() {
            match letter {
                letter if !letter.is_ascii() => {
                    // Expressions know no other letters.
                    let _ = write!(id, "U{:x}", u32::from(letter));
                    starts = false;
                }
                letter if !letter.is_ascii_alphanumeric() => starts = true,
                letter if starts => {
                    id.push(letter.to_ascii_uppercase());
                    starts = false;
                }
                letter => id.push(letter.to_ascii_lowercase()),
            }
        }
    }
    id
}

/// The names that a document has given away. A name that is wanted twice is numbered, in the order of the document.
#[derive(Default)]
pub(super) struct Names {
    taken: HashSet<String>,
    /// The number to try next for a name that was wanted before.
    next: HashMap<String, usize>,
}

impl Names {
    /// The first of `wanted`, `wantedN2`, `wantedN3`, … for which all names that `forms` makes of it are free; they are
    /// taken then.
    pub(super) fn take(&mut self, wanted: &str, forms: impl Fn(&str) -> Vec<String>) -> String {
        let number = self.next.entry(wanted.to_owned()).or_insert(1);
        loop {
            let name = if *number == 1 { wanted.to_owned() } else { format!("{wanted}N{number}") };
            *number += 1;
            let names = forms(&name);
            if names.iter().all(|name| !self.taken.contains(name)) {
                self.taken.extend(names);
                return name;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_follow_the_rule_of_the_older_program() {
        for (values, expected) in [
            (&["ocm.software/test", "1.0.0"][..], "transformOcmSoftwareTest100"),
            (&["ocm.software/my-component"], "transformOcmSoftwareMyComponent"),
            (&[], "transform"),
            (&["amd64", "Image", "v1,2"], "transformAmd64ImageV12"),
            (&["my_greeting", "1.2.0+build.7"], "transformMyGreeting120Build7"),
            (&["größe"], "transformGrUf6Udfe"),
        ] {
            assert_eq!(id(values.iter().copied()), expected);
        }
    }

    #[test]
    fn what_collides_is_numbered() {
        let mut names = Names::default();
        let forms = |name: &str| vec![format!("{name}Get"), format!("{name}Add")];
        assert_eq!(names.take("a", forms), "a");
        assert_eq!(names.take("a", forms), "aN2");
        assert_eq!(names.take("aN2", forms), "aN2N2");
        assert_eq!(names.take("a", forms), "aN3");
    }
}
