use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ocm_http::{Client, HeaderValue, Method, Response};
use tokio::sync::{Mutex as AsyncMutex, OnceCell};

use super::Endpoint;
use super::challenge::Challenge;
use super::options::RemoteOptions;
use super::realm::Realm;
use super::scope::Scope;
use super::token::{self, Refusal, Token};
use super::trial::{Patience, Trial, Trials, Verdict};
use crate::{Authenticator, Credentials, Error, Kind, Result};

/// How long a refusal of the token service is taken for its last word on what it was asked for: many parts of one piece of work
/// ask at once.
const REFUSAL: Duration = Duration::from_secs(10);

/// What a registry has to be shown: learnt from its first refusal, then sent with every request.
pub(super) struct Authorization {
    client: Client,
    endpoint: Endpoint,
    authenticator: Arc<dyn Authenticator>,
    options: RemoteOptions,
    challenges: RwLock<Challenges>,
    slots: Mutex<HashMap<Scope, Arc<AsyncMutex<Slot>>>>,
    credentials: Mutex<HashMap<Option<String>, Answered>>,
    trials: Trials,
}

/// How long what the port answered counts. Credentials of clouds end within the hour; whoever gives them keeps them itself.
const ANSWERED: Duration = Duration::from_mins(5);

/// What the port answered for a repository, and when.
type Answered = Arc<OnceCell<(Instant, Option<Credentials>)>>;

/// The challenge that stands, what it asks a token for, and whether the registry that made it is on a local network.
#[derive(Clone)]
struct Known {
    challenge: Challenge,
    asked: Scope,
    local: bool,
}

/// What a request showed that was refused.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) header: Option<&'a HeaderValue>,
    /// When it was sent. Tokens that are older may have ended with the one that was shown: registries change their keys, and
    /// no clock of this process runs while the machine sleeps.
    pub(super) sent: Instant,
}

/// What was asked for. Some registries want a token of readers and a password of writers, and a proxy in front of several
/// has a token service for each.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Purpose {
    method: Method,
    scope: Scope,
}

/// The challenges that stand.
#[derive(Default)]
struct Challenges {
    last: Option<Known>,
    of: HashMap<Purpose, Known>,
}

impl Challenges {
    /// What was asked of others who read or write like this one; else what was asked last.
    fn like(&self, purpose: &mut Purpose) -> Option<&Known> {
        const READS: [Method; 2] = [Method::HEAD, Method::GET];
        const WRITES: [Method; 4] = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        let alike = if READS.contains(&purpose.method) { READS.as_slice() } else { WRITES.as_slice() };
        for method in alike {
            method.clone_into(&mut purpose.method);
            if let Some(known) = self.of.get(purpose) {
                return Some(known);
            }
        }
        self.last.as_ref()
    }
}

/// The token for one scope. Whoever holds it asks the token service; the others wait for that one answer.
#[derive(Default)]
struct Slot {
    token: Option<Token>,
    failure: Option<Failure>,
}

/// A token service that gave no token.
struct Failure {
    when: Instant,
    kind: Kind,
    reason: String,
}

impl Failure {
    /// Whether it answers somebody who began to wait at `begun`.
    fn counts(&self, begun: Instant) -> bool {
        self.when >= begun || self.kind == Kind::Denied && self.when.elapsed() < REFUSAL
    }
}

/// What a token service is asked.
struct Question<'a> {
    known: &'a Known,
    realm: &'a str,
    service: Option<&'a str>,
    scope: &'a Scope,
    credentials: Option<&'a Credentials>,
    repository: Option<&'a str>,
}

impl Authorization {
    pub(super) fn new(
        client: Client,
        endpoint: Endpoint,
        authenticator: Arc<dyn Authenticator>,
        options: RemoteOptions,
    ) -> Self {
        Self {
            client,
            endpoint,
            authenticator,
            options,
            challenges: RwLock::default(),
            slots: Mutex::default(),
            credentials: Mutex::default(),
            trials: Trials::default(),
        }
    }

    /// What to show with a request; `None` before the registry has wanted to see anything.
    pub(super) async fn header(
        &self,
        method: &Method,
        scope: &Scope,
        repository: Option<&str>,
    ) -> Result<Option<HeaderValue>> {
        let mut purpose = Purpose { method: method.clone(), scope: scope.clone() };
        let (known, scope) = {
            let challenges = self.challenges.read().unwrap_or_else(PoisonError::into_inner);
            match challenges.of.get(&purpose) {
                Some(own) => (Some(own.clone()), purpose.scope.and(&own.asked)),
                None => (challenges.like(&mut purpose).cloned(), purpose.scope),
            }
        };
        match known {
            None => Ok(None),
            Some(known) => self.answer(&known, &scope, repository, None).await,
        }
    }

    /// Learns from a refusal of a request that showed `shown`.
    ///
    /// # Errors
    /// There is nothing better to show: no credentials, or the ones shown are not accepted.
    pub(super) async fn renew(
        &self,
        refusal: &Response,
        method: &Method,
        scope: &Scope,
        repository: Option<&str>,
        shown: Shown<'_>,
    ) -> Result<Option<HeaderValue>> {
        let Some(challenge) = Challenge::read(refusal.headers()) else { return Ok(None) };
        let asked = match &challenge {
            Challenge::Bearer { scope, .. } => Scope::parse(scope),
            Challenge::Basic => Scope::default(),
        };
        let wanted = scope.clone().and(&asked);
        let known = Known { challenge, asked, local: refusal.is_local() };
        {
            let purpose = Purpose { method: method.clone(), scope: scope.clone() };
            let mut challenges = self.challenges.write().unwrap_or_else(PoisonError::into_inner);
            challenges.of.insert(purpose, known.clone());
            challenges.last = Some(known.clone());
        }
        if shown.header.is_some() {
            self.forget_older(&wanted, shown.sent);
        }
        self.answer(&known, &wanted, repository, Some(shown)).await
    }

    /// Forgets the tokens that would do for `scope` and are older than a request that was refused with one of them.
    fn forget_older(&self, scope: &Scope, sent: Instant) {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, slot) in slots.iter().filter(|(other, _)| other.covers(scope)) {
            // One that is held is being filled.
            if let Ok(mut slot) = slot.try_lock() {
                slot.token.take_if(|token| token.issued < sent);
            }
        }
    }

    async fn answer(
        &self,
        known: &Known,
        scope: &Scope,
        repository: Option<&str>,
        refused: Option<Shown<'_>>,
    ) -> Result<Option<HeaderValue>> {
        let credentials = self.credentials(repository).await?;
        let header = match (&known.challenge, &credentials) {
            (_, Some(Credentials::Bearer(token))) => Token::new(token, REFUSAL).map(|token| token.header),
            (Challenge::Basic, Some(Credentials::Basic { username, password })) => {
                Some(token::basic(username, password)?)
            }
            (Challenge::Basic, _) => None,
            (Challenge::Bearer { realm, service, .. }, credentials) => {
                let (service, credentials) = (service.as_deref(), credentials.as_ref());
                let question = Question { known, realm, service, scope, credentials, repository };
                Some(self.token(&question, refused).await?.header)
            }
        };
        // The same thing shown twice gets the same answer; whoever asks reports the refusal.
        Ok(header.filter(|header| Some(header) != refused.and_then(|shown| shown.header)))
    }

    async fn token(&self, question: &Question<'_>, refused: Option<Shown<'_>>) -> Result<Token> {
        let scope = question.scope;
        let is_newer = |token: &Token| refused.is_none_or(|shown| shown.header.is_none() || token.issued >= shown.sent);
        let usable = |slot: &Slot| slot.token.clone().filter(|token| token.is_fresh() && is_newer(token));
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            let mut wider = slots.iter().filter(|(other, _)| other.covers(scope) && *other != scope);
            if let Some(token) = wider.find_map(|(_, slot)| usable(&*slot.try_lock().ok()?)) {
                return Ok(token);
            }
            slots.entry(scope.clone()).or_default().clone()
        };
        let begun = Instant::now();
        let mut slot = slot.lock().await;
        if let Some(token) = usable(&slot) {
            return Ok(token);
        }
        if let Some(failure) = slot.failure.as_ref().filter(|failure| failure.counts(begun)) {
            return Err(Error::new(failure.kind, self.endpoint.host(), &failure.reason));
        }
        let result = self.fetch(question).await;
        match &result {
            Ok(token) => *slot = Slot { token: Some(token.clone()), failure: None },
            Err(error) => {
                let (when, kind, reason) = (Instant::now(), error.kind(), error.reason().to_owned());
                slot.failure = Some(Failure { when, kind, reason });
            }
        }
        result
    }

    async fn fetch(&self, question: &Question<'_>) -> Result<Token> {
        let Question { known, realm, service, scope, credentials, repository } = *question;
        let others: Vec<&str> = self.options.token_hosts.iter().map(String::as_str).collect();
        let realm = Realm::judge(&self.endpoint, realm, known.local, &others)?;
        let host = self.endpoint.host();
        if credentials.is_some() && !realm.trusted {
            let service = realm.url.host_str().unwrap_or_default();
            let reason = format!(
                "wants the credentials for {host} sent to {service}, which is refused; if {service} is its token \
                 service, allow that host in the configuration"
            );
            return Err(Error::new(Kind::Denied, host, reason));
        }
        let trial = match credentials.map(token::proof).transpose()?.flatten() {
            Some(proof) => {
                let begun = self.trials.begin(&realm.service(), &proof, scope, Patience::Waits).await;
                Some(begun.map_err(|reason| Error::new(Kind::Denied, host, reason))?)
            }
            None => None,
        };
        let (result, verdict) = match token::fetch(&self.client, host, &realm, service, scope, credentials).await {
            Ok(token) => (Ok(token), Verdict::Taken),
            Err(Refusal { error, is_of_credentials }) if error.kind() == Kind::Denied => {
                let reason = format!("{}; {}", error.reason(), self.explained(repository).await);
                let is_refused = is_of_credentials && !scope.is_of_several();
                let verdict = if is_refused { Verdict::Refused(reason.clone()) } else { Verdict::Unknown };
                (Err(Error::new(Kind::Denied, host, reason)), verdict)
            }
            Err(Refusal { error, .. }) => (Err(error), Verdict::Unknown),
        };
        if let Some(trial) = trial {
            trial.end(verdict).await;
        }
        result
    }

    /// Begins to show a password to the registry itself; nothing for a token, which whoever gave it has judged.
    ///
    /// # Errors
    /// Why it was refused a short while ago.
    pub(super) async fn trial(
        &self,
        method: &Method,
        scope: &Scope,
        shown: &HeaderValue,
    ) -> Result<Option<Trial>, String> {
        if !token::is_password(shown) {
            return Ok(None);
        }
        let sends = [Method::PUT, Method::PATCH].contains(method);
        let patience = if sends { Patience::Goes } else { Patience::Waits };
        self.trials.begin(self.endpoint.host(), shown, scope, patience).await.map(Some)
    }

    /// Asks the port once per repository and while.
    async fn credentials(&self, repository: Option<&str>) -> Result<Option<Credentials>> {
        let cell = {
            let mut cells = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
            let cell = cells.entry(repository.map(str::to_owned)).or_default();
            if cell.get().is_some_and(|(when, _)| when.elapsed() > ANSWERED) {
                *cell = Answered::default();
            }
            cell.clone()
        };
        let host = self.endpoint.credentials_host();
        let ask = || async { Ok((Instant::now(), self.authenticator.credentials(host, repository).await?)) };
        cell.get_or_try_init(ask).await.map(|(_, credentials)| credentials.clone())
    }

    /// What to say of a refusal.
    pub(super) async fn explained(&self, repository: Option<&str>) -> String {
        self.authenticator.explained(self.endpoint.credentials_host(), repository).await
    }
}
