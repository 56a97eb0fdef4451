//! Component versions of whose images a place has some platforms only.

use std::collections::BTreeMap;

use ocm_model::digest::HashAlgorithm;
use ocm_model::{Descriptor, normalise};
use ocm_repository::ComponentVersion;
use ocm_repository::component::digest;

use crate::{Options, Result};

/// Annotation on the root of a component version that is a part of another one: the digest of the normal form of that.
const PART_OF: &str = "software.ocm/part-of";

/// Annotation beside it: the platforms that were chosen.
const PLATFORMS: &str = "software.ocm/platforms";

/// What the root of a component version says about what it lacks. One that says nothing is complete, so that nobody has to
/// look at its images again; and one that is not whole has another root than the whole one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    whole: String,
    platforms: String,
}

impl Part {
    /// What is stored for these options out of a version with this descriptor.
    pub(crate) fn new(descriptor: &Descriptor, options: &Options) -> Result<Self> {
        Ok(Self { whole: whole(descriptor)?, platforms: chosen(options) })
    }

    /// What a stored version says; `None` if it is whole.
    pub(crate) fn of(version: &ComponentVersion) -> Option<Self> {
        let document = version.root.document().ok()?;
        let annotations = document.annotations()?;
        let text = |name: &str| annotations.get(name).cloned();
        Some(Self { whole: text(PART_OF)?, platforms: text(PLATFORMS).unwrap_or_default() })
    }

    /// The platforms that were chosen.
    pub(crate) fn platforms(&self) -> Vec<String> {
        self.platforms.split(',').filter(|platform| !platform.is_empty()).map(str::to_owned).collect()
    }

    /// Whether it was made of a version with this descriptor.
    pub(crate) fn is_of(&self, descriptor: &Descriptor) -> bool {
        whole(descriptor).is_ok_and(|whole| whole == self.whole)
    }

    /// Whether it has what these options ask for, and nothing is missing that they do not leave out.
    pub(crate) fn suffices(&self, options: &Options) -> bool {
        !options.platforms.is_empty() && self.platforms == chosen(options)
    }

    /// The platforms it has that these options leave out.
    pub(crate) fn lost(&self, options: &Options) -> Vec<String> {
        let wanted: Vec<String> = options.platforms.iter().map(ToString::to_string).collect();
        let left = |platform: &String| !wanted.is_empty() && !wanted.contains(platform);
        self.platforms().into_iter().filter(left).collect()
    }

    /// The same for these options, if they leave out more.
    pub(crate) fn limited(mut self, options: &Options) -> Self {
        if !options.platforms.is_empty() {
            self.platforms = chosen(options);
        }
        self
    }

    pub(crate) fn annotations(self) -> BTreeMap<String, String> {
        BTreeMap::from([(PART_OF.to_owned(), self.whole), (PLATFORMS.to_owned(), self.platforms)])
    }
}

/// The platforms that a component version is limited to, as they were chosen when it was transferred; none if it is whole.
pub fn chosen_platforms(version: &ComponentVersion) -> Vec<String> {
    Part::of(version).map(|part| part.platforms()).unwrap_or_default()
}

/// The normal form does not depend on where content is stored, so that it is the same in every place.
fn whole(descriptor: &Descriptor) -> Result<String> {
    let digest = digest(descriptor, normalise::Algorithm::V4Alpha1, HashAlgorithm::Sha256)?;
    Ok(format!("{}:{}", digest.normalisation_algorithm, digest.value))
}

fn chosen(options: &Options) -> String {
    let mut platforms: Vec<String> = options.platforms.iter().map(ToString::to_string).collect();
    platforms.sort_unstable();
    platforms.dedup();
    platforms.join(",")
}
