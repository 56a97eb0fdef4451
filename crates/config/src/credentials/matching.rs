use ocm_model::Identity;

use super::glob::Glob;

/// How closely an entry fits: kind of path, its length, number of attributes. Of two, the greater one fits better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity(PathFit, usize, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathFit {
    /// The entry is for any path.
    Any,
    /// The path begins as the entry says, or fits its pattern.
    Pattern,
    /// The path is the one of the entry.
    Exact,
}

/// Attributes with rules of their own; all others have to be equal.
const URL: [&str; 6] = ["scheme", "hostname", "port", "path", "pathprefix", "type"];

/// How closely `entry` fits what is `wanted`; `None` if it does not.
pub fn specificity(entry: &Identity, wanted: &Identity) -> Option<Specificity> {
    let (ours, theirs) = (|key: &str| text(entry, key), |key: &str| text(wanted, key));
    if !is_for_host_of(entry, wanted) || !fits_connection(entry, wanted) {
        return None;
    }
    let others = |identity: &Identity| -> Vec<(String, String)> {
        let others = identity.0.iter().filter(|(key, value)| !URL.contains(&key.as_str()) && !value.is_empty());
        others.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    if others(entry) != others(wanted) {
        return None;
    }
    let path = theirs("path").unwrap_or_default().trim_matches('/');
    let (fit, length) = match (ours("path"), ours("pathprefix")) {
        (None, None) => (PathFit::Any, 0),
        (Some(pattern), _) => {
            let pattern = pattern.trim_start_matches('/');
            let glob = Glob::parse(pattern)?;
            let fit = if glob.is_literal() { PathFit::Exact } else { PathFit::Pattern };
            glob.matches(path).then_some((fit, pattern.len()))?
        }
        (None, Some(prefix)) => {
            let prefix = prefix.trim_matches('/');
            let rest = path.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('/') || prefix.is_empty())
                .then_some((PathFit::Pattern, prefix.len()))?
        }
    };
    Some(Specificity(fit, length, entry.0.len()))
}

/// Whether type and host are the same.
pub(super) fn is_for_host_of(entry: &Identity, wanted: &Identity) -> bool {
    let kind = |identity| text(identity, "type").map(unversioned);
    kind(entry) == kind(wanted) && text(entry, "hostname") == text(wanted, "hostname")
}

/// Scheme and port. A port that one side leaves out is that of the scheme, its own or else the other's.
fn fits_connection(entry: &Identity, wanted: &Identity) -> bool {
    let scheme = |identity: &Identity| {
        text(identity, "scheme").map(|scheme| if scheme == "oci" { "https" } else { scheme }.to_owned())
    };
    let (ours, theirs) = (scheme(entry), scheme(wanted));
    if let (Some(ours), Some(theirs)) = (&ours, &theirs)
        && ours != theirs
    {
        return false;
    }
    let effective = ours.or(theirs);
    let standard = match effective.as_deref() {
        Some("https") => Some("443"),
        Some("http") => Some("80"),
        _ => None,
    };
    let port = |identity| text(identity, "port").or(standard);
    port(entry) == port(wanted)
}

fn text<'a>(identity: &'a Identity, key: &str) -> Option<&'a str> {
    identity.get(key).filter(|value| !value.is_empty())
}

/// A type without its version: both spellings mean the same consumer.
fn unversioned(kind: &str) -> &str {
    kind.split_once('/').map_or(kind, |(name, _)| name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn identity(text: &str) -> Identity {
        let parts = text.split(' ').filter_map(|part| part.split_once('='));
        Identity(parts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn entries_fit_as_in_the_go_program() {
        let ghcr = "type=OCIRegistry hostname=ghcr.io";
        for (entry, wanted, expected) in [
            (ghcr, "type=OCIRegistry scheme=https hostname=ghcr.io path=a/b", true),
            ("type=OCIRegistry/v1 hostname=ghcr.io", "type=OCIRegistry hostname=ghcr.io", true),
            ("type=OCIRegistry hostname=ghcr.io path=a/*", "type=OCIRegistry hostname=ghcr.io path=a/b", true),
            ("type=OCIRegistry hostname=ghcr.io path=a/*", "type=OCIRegistry hostname=ghcr.io path=a/b/c", false),
            ("type=OCIRegistry hostname=ghcr.io path=a/*", "type=OCIRegistry hostname=ghcr.io path=a", false),
            ("type=OCIRegistry hostname=ghcr.io path=a", "type=OCIRegistry hostname=ghcr.io path=a/b", false),
            ("type=OCIRegistry hostname=ghcr.io pathprefix=a", "type=OCIRegistry hostname=ghcr.io path=a/b/c", true),
            ("type=OCIRegistry hostname=ghcr.io pathprefix=a", "type=OCIRegistry hostname=ghcr.io path=ab", false),
            (
                "type=OCIRegistry hostname=ghcr.io scheme=https",
                "type=OCIRegistry scheme=https hostname=ghcr.io port=443",
                true,
            ),
            ("type=OCIRegistry hostname=ghcr.io scheme=https", "type=OCIRegistry hostname=ghcr.io", true),
            ("type=OCIRegistry hostname=ghcr.io scheme=oci", "type=OCIRegistry scheme=https hostname=ghcr.io", true),
            ("type=OCIRegistry hostname=ghcr.io scheme=http", "type=OCIRegistry scheme=https hostname=ghcr.io", false),
            ("type=OCIRegistry hostname=ghcr.io port=5000", "type=OCIRegistry scheme=https hostname=ghcr.io", false),
            (ghcr, "type=OCIRegistry hostname=ghcr.io port=5000", false),
            (ghcr, "type=Wget hostname=ghcr.io", false),
            (ghcr, "type=OCIRegistry hostname=other.io", false),
            ("type=RSA/v1alpha1 signature=a", "type=RSA/v1alpha1 algorithm=x signature=a", false),
            ("type=RSA/v1alpha1 algorithm=x signature=a", "type=RSA/v1alpha1 algorithm=x signature=a", true),
        ] {
            assert_eq!(specificity(&identity(entry), &identity(wanted)).is_some(), expected, "{entry} for {wanted}");
        }
    }

    #[test]
    fn an_exact_path_goes_before_a_pattern_and_a_long_one_before_a_short_one() {
        let wanted = identity("type=OCIRegistry hostname=h path=a/b");
        let of = |path: &str| specificity(&identity(&format!("type=OCIRegistry hostname=h {path}")), &wanted).unwrap();
        let ordered = [of(""), of("pathprefix=a"), of("path=*/*"), of("path=a/b*"), of("path=a/b")];
        assert!(ordered.is_sorted_by(|left, right| left < right), "{ordered:?}");
    }
}
