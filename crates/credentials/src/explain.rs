//! What would be asked for the credentials of a consumer, in which order, without asking it.

use std::fmt::Display;

use ocm_config::redaction::{self, REDACTED};
use ocm_model::Identity;
use serde_json::{Value, json};

use crate::consumer::{self, Holding};
use crate::spelling::{self, REGISTRY, authority, is_of};
use crate::{Credentials, Entry, Resolver, Result, Specification, ambient, store};

/// Something that knows, or may know, the credentials of a consumer.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// What it is.
    pub kind: CandidateKind,
    /// What it has or is asked for, without secrets.
    pub value: Value,
    /// File, line and column, or the part of a Docker configuration, that names it.
    pub origin: String,
    /// Whether it is asked at all: one before it may know for sure.
    pub is_asked: bool,
}

/// Kinds of what may know credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// An entry of the configuration for the consumer.
    Entry,
    /// A store that the configuration names.
    Store,
    /// Credentials in a Docker configuration.
    Docker,
    /// A helper program that a Docker configuration names.
    Helper,
    /// What a cloud gave to the machine.
    Cloud,
    /// A part of a Docker configuration that cannot be used.
    Unusable,
}

/// Candidates in the order in which they are asked.
#[derive(Default)]
pub(crate) struct Candidates {
    pub(crate) all: Vec<Candidate>,
    /// Whether nobody further is asked.
    settled: bool,
    /// Whether something is wrong, so that the rest of the same store is not asked.
    pub(crate) failed: bool,
}

impl Candidates {
    pub(crate) fn add(&mut self, kind: CandidateKind, value: impl Into<Value>, origin: impl Display) {
        let (value, origin) = (value.into(), origin.to_string());
        self.all.push(Candidate { kind, value, origin, is_asked: !self.settled && !self.failed });
    }

    /// Something that is wrong, and what is wrong with it.
    pub(crate) fn add_unusable(&mut self, reason: &str, origin: impl Display) {
        self.add(CandidateKind::Unusable, reason, origin);
        self.failed = true;
    }

    /// What a Docker configuration says, the first asked in front. `program` finds the program of a helper.
    pub(crate) fn add_docker(&mut self, entries: Vec<Entry>, origin: &str, program: impl Fn(&crate::Helper) -> String) {
        for entry in entries {
            match entry {
                Entry::Credentials(credentials, place) => {
                    let value = match credentials {
                        Credentials::Basic { username, .. } => json!({"username": username, "password": REDACTED}),
                        Credentials::IdentityToken(_) => json!({"identitytoken": REDACTED}),
                        Credentials::AccessToken(_) => json!({"registrytoken": REDACTED}),
                    };
                    self.add(CandidateKind::Docker, value, format_args!("{origin}: {place}"));
                    self.settled = true;
                }
                Entry::Helper(entry) => {
                    let found = entry.helper.as_ref();
                    let found = found.map_or_else(|| "its name leads to no program".to_owned(), &program);
                    let value = format!("{found}, asked for {}", entry.host);
                    self.add(CandidateKind::Helper, value, format_args!("{origin}: {}", entry.place));
                }
                Entry::Unusable(reason, place) => {
                    self.add_unusable(reason, format_args!("{origin}: {place}"));
                }
            }
        }
    }
}

impl Resolver {
    /// What would be asked for the credentials of a consumer, the first in front. Docker configurations are read; nothing is
    /// started, and nobody is asked.
    ///
    /// # Errors
    /// The entry for the consumer is not understood.
    pub async fn candidates(&self, wanted: &Identity) -> Result<Vec<Candidate>> {
        let mut found = Candidates::default();
        let all = spelling::all(wanted);
        if let Some(consumer) = self.configured.closest(&all) {
            for credential in &consumer.credentials {
                let mut shown = redaction::credentials(&credential.members);
                shown.insert("type".into(), credential.kind.clone().into());
                found.add(CandidateKind::Entry, shown, &credential.place);
            }
            found.settled = matches!(consumer::read(consumer, self.around.home.as_deref())?, Holding::Literal(_));
        }
        for repository in &self.configured.repositories {
            found.add(CandidateKind::Store, repository.kind.as_str(), &repository.place);
            let specification = Specification::from(repository);
            match store::docker(&specification, &self.around) {
                Some(Ok(store)) => store.candidates(wanted, &mut found).await,
                Some(Err(error)) => found.add_unusable(error.reason(), &repository.place),
                None => {}
            }
            // One that fails does not hide the next.
            found.failed = false;
        }
        let Some(host) = Some(wanted).filter(|wanted| is_of(wanted, REGISTRY)).and_then(authority) else {
            return Ok(found.all);
        };
        self.docker.candidates(&host, wanted.get("path"), &mut found).await;
        if let Some(cloud) = wanted.get("hostname").and_then(ambient::cloud_name) {
            found.add(CandidateKind::Cloud, format!("what {cloud} gave to this machine, if it did"), "the environment");
        }
        Ok(found.all)
    }
}
