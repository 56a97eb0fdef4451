use std::cmp::Ordering;

use ocm::model::Version;

/// The order of versions, oldest first. What is no version stands before all that are, in the order of its letters.
pub(super) fn by_version(one: &str, other: &str) -> Ordering {
    match (Version::parse(one), Version::parse(other)) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => one.cmp(other),
    }
}

/// The order of component versions in the older program: by name, oldest version first.
pub(super) fn by_name_and_version(one: (&str, &str), other: (&str, &str)) -> Ordering {
    one.0.cmp(other.0).then_with(|| by_version(one.1, other.1))
}
