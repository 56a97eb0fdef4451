//! What names, versions and types must look like.

use ocm_model::{ComponentName, Version};

use super::fields::Reader;
use crate::problem::Position;

/// Refuses what is no name of a component.
pub(super) fn check_component_name(reader: &mut Reader<'_>, place: Position, name: &str) {
    if let Err(error) = ComponentName::parse(name) {
        reader.problem(place, format!("{error}{}", template_hint(name)));
    }
}

/// Refuses what is no version.
pub(super) fn check_version(reader: &mut Reader<'_>, place: Position, version: &str) {
    if let Err(error) = Version::parse(version) {
        reader.problem(place, format!("{error}{}", template_hint(version)));
    }
}

/// What the type of an artifact begins with.
pub(super) fn is_artifact_type(kind: &str) -> bool {
    kind.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// `v1`, the version of a label's format.
pub(super) fn is_label_version(version: &str) -> bool {
    version
        .strip_prefix('v')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a text is a time of RFC 3339 with a time zone: `2024-05-06T07:08:09Z`.
pub fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let number = |from: usize| {
        text.get(from..from + 2)
            .filter(|_| digits(from, from + 2))
            .and_then(|part| part.parse::<u8>().ok())
            .unwrap_or(99)
    };
    let sign = |at: usize, signs: &[u8]| bytes.get(at).is_some_and(|byte| signs.contains(byte));
    let date = digits(0, 4)
        && sign(4, b"-")
        && (1..=12).contains(&number(5))
        && sign(7, b"-")
        && (1..=31).contains(&number(8));
    let time =
        sign(10, b"Tt") && number(11) < 24 && sign(13, b":") && number(14) < 60 && sign(16, b":") && number(17) <= 60;
    if !date || !time {
        return false;
    }
    let fraction =
        text[19..].strip_prefix('.').map_or(0, |rest| 1 + rest.bytes().take_while(u8::is_ascii_digit).count());
    let zone = &text[19 + fraction..];
    let offset = || {
        let zone = zone.as_bytes();
        zone.len() == 6
            && b"+-".contains(&zone[0])
            && zone[3] == b':'
            && [1, 2, 4, 5].iter().all(|at| zone[*at].is_ascii_digit())
    };
    fraction != 1 && (zone.eq_ignore_ascii_case("z") || offset())
}

/// What to say when a text that should be a name looks like something a template engine was meant to replace.
pub(super) fn template_hint(text: &str) -> &'static str {
    if text.contains("{{") {
        "; a Go template is left in it: use the templating engine \"go\""
    } else if text.contains("${") {
        "; a variable is left in it: use the templating engine \"subst\""
    } else if text.contains('$') {
        "; a variable is written as ${NAME}"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for good in ["2024-05-06T07:08:09Z", "2024-05-06T07:08:09.123+02:00"] {
            assert!(is_date_time(good), "{good}");
        }
        for bad in [
            "2024-05-06",
            "2024-13-06T07:08:09Z",
            "2024-+5-06T07:08:09Z",
            "2024-05-06T07:08:09",
            "2024-05-06T07:08:09.Z",
            "äöüäöüäöüäöüäöüäöüäöü",
        ] {
            assert!(!is_date_time(bad), "{bad}");
        }
    }
}
