//! Whether credentials are taken: a wrong password that is sent for every repository locks accounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ocm_http::{HeaderValue, StatusCode};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::scope::Scope;

/// How long a refusal counts. Whoever works for longer than that may have been given the right to try again.
const REFUSED: Duration = Duration::from_mins(5);

/// Scopes that have to be refused until credentials count as wrong. One says nothing about the others: there are registries
/// that answer 401 for a repository that is not there, or not for this account.
const SCOPES: usize = 2;

/// What is known of credentials at one service.
#[derive(Default)]
enum State {
    /// Nobody has shown them.
    #[default]
    New,
    /// They were shown, and the answer said nothing about them.
    Shown,
    /// Somebody was let in with them.
    Taken,
    /// Nobody was let in with them yet, and these scopes were refused.
    Refused { when: Instant, reason: String, scopes: Vec<Scope> },
}

/// A service, and what was shown to it.
type Shown = (String, HeaderValue);

/// The credentials that were shown, each with what is known of it.
#[derive(Default)]
pub(super) struct Trials(Mutex<HashMap<Shown, Arc<AsyncMutex<State>>>>);

/// What an answer says of the credentials that were shown.
pub(super) enum Verdict {
    Taken,
    /// Why not.
    Refused(String),
    Unknown,
}

/// Whether somebody can wait until others know what becomes of the credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    Waits,
    /// What it sends may be read from where others wait.
    Goes,
}

/// Credentials that are being shown.
pub(super) struct Trial {
    state: Arc<AsyncMutex<State>>,
    /// What they are shown for.
    scope: Scope,
    /// Held by whoever shows them first; the others wait for what becomes of it.
    first: Option<OwnedMutexGuard<State>>,
}

impl Trials {
    /// Begins to show credentials to a service, for this scope.
    ///
    /// # Errors
    /// Why they were refused a short while ago: for this scope, or for several others.
    pub(super) async fn begin(
        &self,
        service: &str,
        credentials: &HeaderValue,
        scope: &Scope,
        patience: Patience,
    ) -> Result<Trial, String> {
        let state = {
            let mut trials = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            trials.entry((service.to_owned(), credentials.clone())).or_default().clone()
        };
        let mut known = match patience {
            Patience::Waits => state.clone().lock_owned().await,
            Patience::Goes => match state.clone().try_lock_owned() {
                Ok(known) => known,
                Err(_) => return Ok(Trial { state, scope: scope.clone(), first: None }),
            },
        };
        match &*known {
            State::Refused { when, .. } if when.elapsed() >= REFUSED => *known = State::New,
            State::Refused { reason, scopes, .. } if scopes.len() >= SCOPES || scopes.contains(scope) => {
                return Err(reason.clone());
            }
            State::Refused { .. } | State::New | State::Shown | State::Taken => {}
        }
        let is_first = matches!(*known, State::New | State::Refused { .. }) && patience == Patience::Waits;
        Ok(Trial { state, scope: scope.clone(), first: is_first.then_some(known) })
    }
}

impl Trial {
    /// Ends it with an answer of the registry, unless that is a refusal: why, whoever asked has to find out.
    pub(super) async fn answered(self, status: StatusCode) -> Option<Self> {
        if status == StatusCode::UNAUTHORIZED {
            return Some(self);
        }
        let is_busy = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        self.end(if is_busy { Verdict::Unknown } else { Verdict::Taken }).await;
        None
    }

    /// Tells what became of it.
    pub(super) async fn end(mut self, verdict: Verdict) {
        let is_first = self.first.is_some();
        let mut state = match self.first.take() {
            Some(first) => first,
            None => self.state.clone().lock_owned().await,
        };
        match (verdict, &mut *state) {
            // Whoever was let in before is not refused for its password now.
            (Verdict::Taken, _) | (Verdict::Refused(_), State::Taken) => *state = State::Taken,
            (Verdict::Refused(_), State::Refused { scopes, .. }) if scopes.contains(&self.scope) => {}
            (Verdict::Refused(_), State::Refused { scopes, .. }) => scopes.push(self.scope.clone()),
            (Verdict::Refused(reason), _) => {
                *state = State::Refused { when: Instant::now(), reason, scopes: vec![self.scope.clone()] };
            }
            (Verdict::Unknown, _) if is_first => *state = State::Shown,
            (Verdict::Unknown, _) => {}
        }
    }
}

impl Drop for Trial {
    /// Without an answer the others go on, all at once: a service that is down is not waited for by one after the other.
    fn drop(&mut self) {
        if let Some(state) = &mut self.first {
            **state = State::Shown;
        }
    }
}
