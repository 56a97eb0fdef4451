use std::fmt;

use ocm_model::Identity;
use serde_json::{Map, Value};

use super::matching::{is_for_host_of, specificity};
use crate::Place;

/// All that configuration files say about credentials. Nothing in it is looked up yet.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Entries for consumers, the highest priority last.
    pub consumers: Vec<Consumer>,
    /// Stores of credentials, asked where no entry fits.
    pub repositories: Vec<CredentialRepository>,
}

/// Credentials for whoever is meant by one of a few identities.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Where the entry begins.
    pub place: Place,
    /// Whom it is for: type, host, path, … A part that is missing means any.
    pub identities: Vec<Identity>,
    /// What they may show; several are put together.
    pub credentials: Vec<Credential>,
}

/// Credentials of some type, or the name of something that has them.
#[derive(Clone)]
pub struct Credential {
    /// Where they stand.
    pub place: Place,
    /// The type as written.
    pub kind: String,
    /// All other members. They are secret.
    pub members: Map<String, Value>,
}

/// A store of credentials: a Docker configuration, a vault, …
#[derive(Clone)]
pub struct CredentialRepository {
    /// Where the entry begins.
    pub place: Place,
    /// The type as written.
    pub kind: String,
    /// All other members. Some are secret.
    pub members: Map<String, Value>,
}

impl Credentials {
    /// The entry that fits an identity best, if there is one.
    ///
    /// An exact path goes before a pattern, a longer pattern before a shorter one, any path before none; of two that fit
    /// alike, the one with more attributes, then the later one.
    pub fn consumer(&self, wanted: &Identity) -> Option<&Consumer> {
        self.closest(std::slice::from_ref(wanted))
    }

    /// The entry that fits best any of some identities, which mean the same consumer.
    pub fn closest(&self, wanted: &[Identity]) -> Option<&Consumer> {
        let fitting = self.consumers.iter().filter_map(|consumer| {
            let pairs = consumer.identities.iter().flat_map(|entry| wanted.iter().map(move |wanted| (entry, wanted)));
            let best = pairs.filter_map(|(entry, wanted)| specificity(entry, wanted)).max();
            best.map(|specificity| (specificity, consumer))
        });
        // `max_by_key` takes the last of several that are equal, which has the highest priority.
        fitting.max_by_key(|(specificity, _)| *specificity).map(|(_, consumer)| consumer)
    }

    /// The entries for type and host of some identities that fit none of them all the same, and where they are: a port or a
    /// path is not what somebody meant.
    pub fn missed<'a>(&'a self, wanted: &'a [Identity]) -> impl Iterator<Item = (&'a Place, &'a Identity)> {
        let all = self.consumers.iter().flat_map(|one| one.identities.iter().map(|entry| (&one.place, entry)));
        all.filter(|(_, entry)| {
            let is_near = wanted.iter().any(|wanted| is_for_host_of(entry, wanted));
            is_near && wanted.iter().all(|wanted| specificity(entry, wanted).is_none())
        })
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("place", &self.place).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for CredentialRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialRepository")
            .field("place", &self.place)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
