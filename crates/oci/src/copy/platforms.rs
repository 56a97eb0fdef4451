//! Some platforms of a multi-platform image.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use ocm_blob::Digest;

use crate::{Descriptor, Document, Error, ImageIndex, Kind, Manifest, Platform, Result};

/// Annotation on an index that lists a part of another one: the digest of that other one.
pub const DERIVED_FROM: &str = "software.ocm/derived-from";

/// Annotation of `BuildKit` on a manifest that says something about another one of the same index: the digest of that one.
const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";

/// A platform that is chosen: `os/architecture` or `os/architecture/variant`.
///
/// Without a variant, every variant is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlatformChoice {
    os: String,
    architecture: String,
    variant: Option<String>,
}

impl FromStr for PlatformChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        match parts.as_slice() {
            [os, architecture, variant @ ..] if variant.len() <= 1 && parts.iter().all(is_word) => {
                let (architecture, implied) = spelled(&architecture.to_ascii_lowercase());
                let variant = variant.first().map(|variant| variant.to_ascii_lowercase()).or(implied);
                Ok(Self { os: os.to_ascii_lowercase(), architecture, variant })
            }
            _ => {
                let reason = "a platform is written os/architecture or os/architecture/variant, like linux/arm64";
                Err(Error::new(Kind::Malformed, format!("platform {text:?}"), reason))
            }
        }
    }
}

/// The spelling of Go, in which platforms are recorded, for what `uname` says.
fn spelled(architecture: &str) -> (String, Option<String>) {
    let (name, variant) = match architecture {
        "x86_64" | "x86-64" => ("amd64", None),
        "aarch64" => ("arm64", None),
        "i386" => ("386", None),
        "armhf" => ("arm", Some("v7")),
        "armel" => ("arm", Some("v6")),
        other => (other, None),
    };
    (name.to_owned(), variant.map(str::to_owned))
}

impl fmt::Display for PlatformChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

impl PlatformChoice {
    /// Whether something that an index lists is for this platform.
    pub fn is_of(&self, row: &Descriptor) -> bool {
        of(row).is_some_and(|platform| self.is(platform))
    }

    fn is(&self, platform: &Platform) -> bool {
        // The variant v8 of arm64 is rarely written down.
        let usual = (platform.architecture == "arm64").then_some("v8");
        let variant = platform.variant.as_deref().filter(|variant| !variant.is_empty()).or(usual);
        self.os == platform.os
            && self.architecture == platform.architecture
            && self.variant.as_deref().is_none_or(|wanted| variant == Some(wanted))
    }
}

/// What is taken of an index.
pub(super) struct Part {
    /// What stays away.
    pub(super) left_out: Vec<Digest>,
    /// The index that lists only what is taken.
    pub(super) derived: Manifest,
}

/// Fails if an index is not for all `wanted` platforms, as copying it would.
///
/// # Errors
/// [`Kind::NotFound`], with the platforms that are there.
pub fn check_platforms(index: &Manifest, wanted: &[PlatformChoice]) -> Result<()> {
    choose(index, wanted).map(drop)
}

/// The index that lists only the `wanted` platforms of one, as it is stored where that cannot lack anything; `None` if they are
/// all there is.
///
/// # Errors
/// [`Kind::NotFound`], with the platforms that are there.
pub fn derived(index: &Manifest, wanted: &[PlatformChoice]) -> Result<Option<Manifest>> {
    Ok(choose(index, wanted)?.map(|part| part.derived))
}

/// Chooses among what an index lists. `None` if that is all of it, or if it is no multi-platform image: then there is
/// nothing to choose.
///
/// # Errors
/// A platform that is not there; the text lists those that are.
pub(super) fn choose(index: &Manifest, wanted: &[PlatformChoice]) -> Result<Option<Part>> {
    let Document::Index(document) = index.document()? else { return Ok(None) };
    let known: Vec<&Platform> = document.manifests.iter().filter_map(of).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let missing: BTreeSet<String> = wanted
        .iter()
        .filter(|choice| !known.iter().any(|platform| choice.is(platform)))
        .map(ToString::to_string)
        .collect();
    if !missing.is_empty() {
        let there: BTreeSet<String> = known.iter().map(|platform| shown(platform)).collect();
        let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(", ");
        let reason = format!("is not there for {}; it is for {}", list(missing), list(there));
        return Err(Error::new(Kind::NotFound, format!("index {}", index.digest()), reason));
    }
    let is_wanted = |row: &Descriptor| of(row).is_some_and(|platform| wanted.iter().any(|choice| choice.is(platform)));
    let mut taken: BTreeSet<Digest> =
        document.manifests.iter().filter(|row| is_wanted(row)).map(|row| row.digest.clone()).collect();
    let about = |row: &&Descriptor| row.annotation(REFERENCE_DIGEST).and_then(|digest| digest.parse::<Digest>().ok());
    let attached = document.manifests.iter().filter(|row| about(row).is_some_and(|subject| taken.contains(&subject)));
    let attached: Vec<Digest> = attached.map(|row| row.digest.clone()).collect();
    taken.extend(attached);
    let (kept, left): (Vec<Descriptor>, Vec<Descriptor>) =
        document.manifests.iter().cloned().partition(|row| taken.contains(&row.digest));
    if left.is_empty() {
        return Ok(None);
    }
    let left_out = left.into_iter().map(|row| row.digest).collect();
    let mut derived = ImageIndex { manifests: kept, ..document };
    derived.annotations.get_or_insert_default().insert(DERIVED_FROM.to_owned(), index.digest().to_string());
    Ok(Some(Part { left_out, derived: Manifest::write(&derived, index.media_type())? }))
}

/// The platform of a row; what is about another row has none, although `BuildKit` writes `unknown/unknown`.
fn of(row: &Descriptor) -> Option<&Platform> {
    row.platform.as_ref().filter(|platform| {
        row.annotation(REFERENCE_DIGEST).is_none() && !platform.os.is_empty() && platform.os != "unknown"
    })
}

/// The platform of something that an index lists, as it is chosen: `os/architecture` or `os/architecture/variant`. What is
/// about another row has none.
pub fn platform_of(row: &Descriptor) -> Option<String> {
    of(row).map(shown)
}

fn shown(platform: &Platform) -> String {
    let variant = platform.variant.as_deref().filter(|variant| !variant.is_empty());
    let variant = variant.map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", platform.os, platform.architecture)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::media_type;

    fn row(content: &str, platform: &str, about: Option<&str>) -> Descriptor {
        let mut row = Descriptor::new(media_type::MANIFEST, Digest::of(content), 1);
        let mut parts = platform.split('/').map(str::to_owned);
        row.platform = Some(Platform {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next().unwrap_or_default(),
            variant: parts.next(),
            ..Platform::default()
        });
        match about {
            Some(about) => row.with_annotation(REFERENCE_DIGEST, Digest::of(about).to_string()),
            None => row,
        }
    }

    fn index() -> Manifest {
        let manifests = vec![
            row("a", "linux/amd64", None),
            row("b", "linux/arm64", None),
            row("c", "linux/arm/v7", None),
            row("about a", "unknown/unknown", Some("a")),
            row("about b", "unknown/unknown", Some("b")),
        ];
        Manifest::write(&ImageIndex { manifests, ..ImageIndex::empty() }, media_type::INDEX).unwrap()
    }

    fn choose_text(wanted: &[&str]) -> Result<Option<Part>> {
        choose(&index(), &wanted.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn attestations_go_with_what_they_are_about() {
        for text in ["linux/arm64", "linux/arm64/v8", "Linux/aarch64"] {
            let part = choose_text(&[text]).unwrap().unwrap();
            assert_eq!(part.left_out, ["a", "c", "about a"].map(Digest::of));
            let Document::Index(derived) = part.derived.document().unwrap() else { unreachable!() };
            assert_eq!(derived.manifests.len(), 2);
            assert_eq!(derived.annotations.unwrap()[DERIVED_FROM], index().digest().to_string());
        }
    }

    #[test]
    fn all_platforms_are_no_choice() {
        assert!(choose_text(&["linux/amd64", "linux/arm64", "linux/arm"]).unwrap().is_none());
    }

    #[test]
    fn a_platform_that_is_not_there_is_named_with_those_that_are() {
        let error = choose_text(&["linux/amd64", "linux/s390x", "linux/arm/v6"]).err().unwrap();
        assert_eq!(error.kind(), Kind::NotFound);
        let says = "is not there for linux/arm/v6, linux/s390x; it is for linux/amd64, linux/arm/v7, linux/arm64";
        assert!(error.to_string().ends_with(says), "{error}");
    }

    #[test]
    fn a_platform_has_two_or_three_parts() {
        for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x", "linux/a b", "linux/arm/"] {
            assert_eq!(text.parse::<PlatformChoice>().unwrap_err().kind(), Kind::Malformed, "{text}");
        }
        assert_eq!("linux/arm/v7".parse::<PlatformChoice>().unwrap().to_string(), "linux/arm/v7");
    }
}
