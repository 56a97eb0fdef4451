use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ocm_config::{Consumer, Credential, CredentialRepository};
use ocm_http::Client;
use ocm_model::Identity;

use crate::ambient::Ambient;
use crate::consumer::{self, Holding};
use crate::docker::Helpers;
use crate::spelling::{self, REGISTRY, authority, is_of};
use crate::store::{self, Surroundings};
use crate::{Docker, DockerSources, Error, Found, Kind, Provider, Result, Specification, Store};

/// Number of entries that a message names at most.
const MISSED: usize = 3;

/// Everything that credentials may come from.
#[derive(Clone, Default)]
pub struct Sources {
    /// What configuration files say.
    pub configured: ocm_config::Credentials,
    /// Docker's configuration and its kin.
    pub docker: DockerSources,
    /// The variables of the environment: those that clouds set, and those that files of credentials refer to.
    pub environment: BTreeMap<String, String>,
    /// The home folder.
    pub home: Option<PathBuf>,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values of variables may be secrets.
        let environment: Vec<&String> = self.environment.keys().collect();
        f.debug_struct("Sources")
            .field("configured", &self.configured)
            .field("docker", &self.docker)
            .field("environment", &environment)
            .field("home", &self.home)
            .finish()
    }
}

/// Finds the credentials for a consumer.
///
/// The entry of the configuration that fits best comes first, then the configured stores in their order, then Docker's
/// configuration where it lies, and last, for a registry of a cloud and if nothing else was configured to know it, the identity
/// that this cloud gave to the machine.
pub struct Resolver {
    pub(crate) configured: ocm_config::Credentials,
    pub(crate) around: Arc<Surroundings>,
    providers: Vec<Arc<dyn Provider>>,
    pub(crate) docker: Docker,
    /// Stores by where they stand; `None` for a type that nobody knows.
    opened: Mutex<HashMap<String, Option<Arc<dyn Store>>>>,
    ambient: Ambient,
}

impl Sources {
    /// Refuses credentials that would be needed to get themselves.
    ///
    /// # Errors
    /// Names the places that lead around in a circle.
    pub fn check(&self) -> Result<()> {
        for consumer in &self.configured.consumers {
            let mut trail: Vec<&Consumer> = Vec::new();
            let mut next = Some(consumer);
            while let Some(consumer) = next {
                if trail.iter().any(|passed| std::ptr::eq(*passed, consumer)) {
                    let places: Vec<_> = trail.iter().map(|passed| passed.place.to_string()).collect();
                    let reason = format!("the credentials are needed to get themselves: {}", places.join(", "));
                    return Err(Error::new(Kind::Malformed, format_args!("configuration {}", consumer.place), reason));
                }
                trail.push(consumer);
                let is_indirect = !consumer.credentials.iter().any(|one| consumer::is_literal(&one.kind));
                let needs = consumer.credentials.first().filter(|_| is_indirect).map(|one| store::needs(&one.into()));
                next = needs.filter(|needs| !needs.is_empty()).and_then(|needs| self.configured.closest(&needs));
            }
        }
        Ok(())
    }
}

impl Resolver {
    /// Credentials from some sources; stores and clouds are asked through `http`. Nothing is read or asked yet.
    pub fn new(sources: Sources, http: Client) -> Self {
        let Sources { configured, docker, environment, home } = sources;
        let helpers = Arc::new(Helpers::new(docker.search_path));
        let around = Surroundings { environment, home, http, helpers: helpers.clone() };
        Self {
            configured,
            ambient: Ambient::new(&around),
            around: Arc::new(around),
            providers: Vec::new(),
            docker: Docker::with_helpers(docker.inline, docker.files, helpers),
            opened: Mutex::default(),
        }
    }

    /// Knows more types of stores and of credentials.
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// The credentials for a consumer: `type`, `hostname`, `scheme`, `port`, `path`, … `None` if there are none anywhere.
    ///
    /// # Errors
    /// What should know them cannot be asked, and nothing else knows them. The message says where that is configured.
    pub async fn resolve(&self, wanted: &Identity) -> Result<Option<Found>> {
        self.resolve_any(std::slice::from_ref(wanted)).await
    }

    /// The same for a consumer that is known by several identities: the entry that fits any of them best counts.
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    pub async fn resolve_any(&self, wanted: &[Identity]) -> Result<Option<Found>> {
        let all: Vec<Identity> = wanted.iter().flat_map(spelling::all).collect();
        self.find(&all, Vec::new()).await
    }

    /// Entries for the host of a consumer that do not fit it, in words for a message; nothing if there are none. Whoever forgot
    /// the port of an entry sees nothing but a refusal otherwise.
    pub fn missed(&self, wanted: &Identity) -> Option<String> {
        let all = spelling::all(wanted);
        let mut missed: Vec<_> = self.configured.missed(&all).collect();
        let more = missed.len().saturating_sub(MISSED);
        missed.truncate(MISSED);
        let named: Vec<_> = missed.iter().map(|(place, entry)| format!("{place} is for {entry}")).collect();
        let rest = if more == 0 { String::new() } else { format!(", and {more} more") };
        (!named.is_empty()).then(|| format!("entries that do not fit: {}{rest}", named.join("; ")))
    }

    /// `trail` is what is being asked already, for whose sake this is wanted.
    async fn find(&self, wanted: &[Identity], trail: Vec<String>) -> Result<Option<Found>> {
        if let Some(consumer) = self.configured.closest(wanted) {
            match consumer::read(consumer, self.around.home.as_deref())? {
                Holding::Literal(found) => return Ok(Some(found)),
                Holding::Indirect(credential) => {
                    let specification = Specification::from(credential);
                    let Some(store) = self.open(&specification)? else {
                        let reason = format!("credentials of the unknown type {:?}", credential.kind);
                        return Err(specification.malformed(reason));
                    };
                    if let Some(found) = self.ask(&specification, store.as_ref(), wanted, &trail).await? {
                        return Ok(Some(found));
                    }
                }
                Holding::Nothing => {}
            }
        }
        let mut failure = None;
        for repository in &self.configured.repositories {
            let specification = Specification::from(repository);
            // Whoever opens a store does not get the key from inside.
            if trail.contains(&specification.place) {
                continue;
            }
            let Some(store) = self.open(&specification)? else { continue };
            match self.ask(&specification, store.as_ref(), wanted, &trail).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let Some(registry) = wanted.first().filter(|wanted| is_of(wanted, REGISTRY)) else {
            return failure.map_or(Ok(None), Err);
        };
        if let Some(host) = authority(registry) {
            match self.docker.credentials(&host, registry.get("path")).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => self.ambient.credentials(registry).await,
        }
    }

    async fn ask(
        &self,
        specification: &Specification,
        store: &dyn Store,
        wanted: &[Identity],
        trail: &[String],
    ) -> Result<Option<Found>> {
        let place = format!("configuration {}", specification.place);
        if trail.contains(&specification.place) {
            return Err(Error::new(Kind::Malformed, place, "the credentials are needed to get themselves"));
        }
        let needs = store.needs().await.map_err(|error| error.at(&place))?;
        let own = if needs.is_empty() {
            None
        } else {
            let trail = trail.iter().chain([&specification.place]).cloned().collect();
            Box::pin(self.find(&needs, trail)).await?
        };
        store.find(wanted, own.as_ref()).await.map_err(|error| error.at(&place))
    }

    fn open(&self, specification: &Specification) -> Result<Option<Arc<dyn Store>>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.get(&specification.place) {
            return Ok(known.clone());
        }
        let built_in = store::open(specification, &self.around);
        let found = built_in.or_else(|| self.providers.iter().find_map(|provider| provider.open(specification)));
        let store = found.transpose()?;
        if store.is_none() {
            tracing::warn!(
                "configuration {}: {:?} is not supported, and what it holds is not used; there are DockerConfig/v1, \
                 HashiCorpVault/v1, NPMConfig/v1 and MavenSettings/v1",
                specification.place,
                specification.kind
            );
        }
        opened.insert(specification.place.clone(), store.clone());
        Ok(store)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("configured", &self.configured).finish_non_exhaustive()
    }
}

impl From<&Credential> for Specification {
    fn from(credential: &Credential) -> Self {
        let Credential { place, kind, members } = credential;
        Self { place: place.to_string(), file: place.file().to_owned(), kind: kind.clone(), members: members.clone() }
    }
}

impl From<&CredentialRepository> for Specification {
    fn from(repository: &CredentialRepository) -> Self {
        let CredentialRepository { place, kind, members } = repository;
        Self { place: place.to_string(), file: place.file().to_owned(), kind: kind.clone(), members: members.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let docker = DockerSources {
            inline: Some(("DOCKER_AUTH_CONFIG".to_owned(), "canary".to_owned())),
            ..DockerSources::default()
        };
        let environment = [("AWS_SECRET_ACCESS_KEY".to_owned(), "canary".to_owned())].into();
        let shown = format!("{:?}", Sources { docker, environment, ..Sources::default() });
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY") && shown.contains("DOCKER_AUTH_CONFIG"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
