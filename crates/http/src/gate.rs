//! How many requests are under way at once: a window per host that follows what the host bears, and a cap on all.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

/// How often somebody who waits looks for a place that is taken but not used.
const LOOK: Duration = Duration::from_millis(100);

/// Which of the two lines a request stands in. They are apart because a copy within one host, or under a cap of one,
/// receives and sends at the same time and must not wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Requests without content.
    Receive,
    /// Requests with content.
    Send,
}

type Key = (Arc<str>, Lane);

/// Lets requests through.
pub(crate) struct Gate {
    state: Mutex<State>,
    /// Requests to one host in each line; the window shrinks below it and comes back.
    per_host: usize,
    /// Requests to all hosts in each line.
    all: usize,
}

#[derive(Default)]
struct State {
    hosts: HashMap<Key, Host>,
    waiting: VecDeque<(Key, oneshot::Sender<u64>)>,
    places: HashMap<u64, Place>,
    used: HashMap<Lane, usize>,
    next: u64,
}

struct Host {
    used: usize,
    /// Additive increase, multiplicative decrease, as in TCP: the whole part of it may be under way at once.
    window: f64,
    /// Requests the host says it still allows.
    allowance: usize,
    cut: Option<Instant>,
    /// Whether it has ever answered.
    answered: bool,
}

struct Place {
    key: Key,
    /// From when on somebody else may have it; none while bytes are on their way.
    spare: Option<Instant>,
}

impl Gate {
    pub(crate) fn new(per_host: usize, all: Option<NonZeroUsize>) -> Arc<Self> {
        let all = all.map_or(usize::MAX, NonZeroUsize::get);
        Arc::new(Self { state: Mutex::default(), per_host: per_host.clamp(1, 1 << 20), all })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place.
    pub(crate) async fn enter(self: &Arc<Self>, host: &Arc<str>, lane: Lane) -> Permit {
        let (sender, mut receiver) = oneshot::channel();
        {
            let mut state = self.state();
            state.waiting.push_back(((host.clone(), lane), sender));
            self.admit(&mut state);
        }
        loop {
            tokio::select! {
                given = &mut receiver => {
                    // The sender is dropped only after it has sent.
                    return Permit { gate: self.clone(), number: given.unwrap_or(u64::MAX) };
                }
                () = tokio::time::sleep(LOOK) => {
                    let mut state = self.state();
                    self.reclaim(&mut state);
                    self.admit(&mut state);
                }
            }
        }
    }

    /// Learns from an answer to a request that was sent at `sent`.
    pub(crate) fn answered(&self, host: &Arc<str>, sent: Instant, throttled: bool, allowance: Option<u64>) {
        let mut state = self.state();
        for lane in [Lane::Receive, Lane::Send] {
            let host = self.host(&mut state, &(host.clone(), lane));
            host.answered = true;
            if let Some(allowance) = allowance {
                host.allowance = usize::try_from(allowance).unwrap_or(usize::MAX).max(1);
            }
            if !throttled {
                host.window = (host.window + 1.0 / host.window).min(self.per_host as f64);
            } else if host.cut.is_none_or(|cut| sent > cut) {
                // Once for all the requests that were under way together: they tell of the same moment.
                host.window = (host.window / 2.0).max(1.0);
                host.cut = Some(Instant::now());
            }
        }
        self.admit(&mut state);
    }

    /// Whether a host has ever answered.
    pub(crate) fn has_answered(&self, host: &Arc<str>) -> bool {
        self.state().hosts.get(&(host.clone(), Lane::Receive)).is_some_and(|host| host.answered)
    }

    fn host<'a>(&self, state: &'a mut State, key: &Key) -> &'a mut Host {
        let window = self.per_host as f64;
        state.hosts.entry(key.clone()).or_insert(Host {
            used: 0,
            window,
            allowance: usize::MAX,
            cut: None,
            answered: false,
        })
    }

    fn is_full(&self, state: &mut State, key: &Key) -> bool {
        let all = state.used.get(&key.1).copied().unwrap_or(0) >= self.all;
        let host = self.host(state, key);
        #[allow(clippy::cast_sign_loss)]
        let window = (host.window as usize).min(host.allowance);
        all || host.used >= window
    }

    /// Gives places to those who wait, in the order in which they came.
    fn admit(&self, state: &mut State) {
        let mut position = 0;
        while position < state.waiting.len() {
            let key = state.waiting[position].0.clone();
            if self.is_full(state, &key) {
                if state.used.get(&key.1).copied().unwrap_or(0) >= self.all
                    && !state.waiting.range(position..).any(|((_, lane), _)| *lane != key.1)
                {
                    return;
                }
                position += 1;
                continue;
            }
            let Some((key, sender)) = state.waiting.remove(position) else { return };
            if sender.is_closed() {
                continue;
            }
            let number = state.next;
            state.next += 1;
            self.host(state, &key).used += 1;
            *state.used.entry(key.1).or_default() += 1;
            state.places.insert(number, Place { key, spare: None });
            if sender.send(number).is_err() {
                self.leave(state, number);
            }
        }
    }

    fn leave(&self, state: &mut State, number: u64) {
        if let Some(place) = state.places.remove(&number) {
            let host = self.host(state, &place.key);
            host.used = host.used.saturating_sub(1);
            if let Some(used) = state.used.get_mut(&place.key.1) {
                *used = used.saturating_sub(1);
            }
        }
    }

    /// Takes back places whose holders are waiting for something else.
    ///
    /// Content that is read from one place while it is sent to another holds two places, and the holder of the one may be
    /// waiting for the other. Nothing would ever move if everybody did; so a place that is not used is not kept.
    fn reclaim(&self, state: &mut State) {
        let now = Instant::now();
        let wanted: Vec<Key> = state.waiting.iter().map(|(key, _)| key.clone()).collect();
        for key in wanted {
            if !self.is_full(state, &key) {
                continue;
            }
            let host_is_full = {
                let all = state.used.get(&key.1).copied().unwrap_or(0) >= self.all;
                !all
            };
            let spare = state.places.iter().find(|(_, place)| {
                place.spare.is_some_and(|spare| spare <= now)
                    && place.key.1 == key.1
                    && (!host_is_full || place.key.0 == key.0)
            });
            let Some(number) = spare.map(|(number, _)| *number) else { continue };
            self.leave(state, number);
        }
    }
}

/// A place at the gate; given back when it is dropped.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    number: u64,
}

impl Permit {
    /// The holder is waiting for somebody else; after so long, the place may be taken back.
    pub(crate) fn spare(&self, after: Duration) {
        if let Some(place) = self.gate.state().places.get_mut(&self.number)
            && place.spare.is_none()
        {
            place.spare = Instant::now().checked_add(after);
        }
    }

    /// Bytes are on their way again. A place that was taken back stays so: making the holder wait in the middle could end
    /// in a circle.
    pub(crate) fn busy(&self) {
        if let Some(place) = self.gate.state().places.get_mut(&self.number) {
            place.spare = None;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        self.gate.leave(&mut state, self.number);
        self.gate.admit(&mut state);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn host(name: &str) -> Arc<str> {
        name.into()
    }

    /// Enters, if that is possible without waiting for anybody.
    async fn now(gate: &Arc<Gate>, name: &str, lane: Lane) -> Option<Permit> {
        tokio::time::timeout(Duration::from_millis(50), gate.enter(&host(name), lane)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn places_come_back_when_they_are_dropped_or_no_longer_wanted() {
        let gate = Gate::new(1, None);
        let first = now(&gate, "a", Lane::Receive).await.unwrap();
        assert!(now(&gate, "a", Lane::Receive).await.is_none());
        assert!(now(&gate, "a", Lane::Send).await.is_some() && now(&gate, "b", Lane::Receive).await.is_some());
        // Those who gave up waiting do not stand in the way.
        let name = host("a");
        let waiting = gate.enter(&name, Lane::Receive);
        drop(first);
        let second = tokio::time::timeout(Duration::from_secs(1), waiting).await.unwrap();
        drop(second);
        assert!(now(&gate, "a", Lane::Receive).await.is_some());
        assert!(gate.state().waiting.is_empty() && gate.state().places.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_cap_for_all_hosts() {
        let gate = Gate::new(16, NonZeroUsize::new(2));
        let first = now(&gate, "a", Lane::Receive).await.unwrap();
        let _second = now(&gate, "b", Lane::Receive).await.unwrap();
        assert!(now(&gate, "c", Lane::Receive).await.is_none());
        assert!(now(&gate, "c", Lane::Send).await.is_some());
        drop(first);
        assert!(now(&gate, "c", Lane::Receive).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_is_not_used_is_lent_on() {
        let gate = Gate::new(16, NonZeroUsize::new(1));
        let idle = now(&gate, "a", Lane::Receive).await.unwrap();
        idle.spare(Duration::from_secs(2));
        assert!(now(&gate, "b", Lane::Receive).await.is_none());
        let other = tokio::time::timeout(Duration::from_secs(3), gate.enter(&host("b"), Lane::Receive)).await.unwrap();
        // The first one goes on without, and gives nothing back in the end.
        idle.busy();
        drop(idle);
        assert!(now(&gate, "b", Lane::Receive).await.is_none());
        drop(other);
        assert!(now(&gate, "b", Lane::Receive).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_window_shrinks_at_once_and_comes_back_slowly() {
        let gate = Gate::new(8, None);
        let window = || gate.state().hosts[&(host("a"), Lane::Receive)].window;
        let sent = Instant::now();
        tokio::time::advance(Duration::from_millis(1)).await;
        for _ in 0..5 {
            gate.answered(&host("a"), sent, true, None);
        }
        assert!((window() - 4.0).abs() < 1e-9);
        tokio::time::advance(Duration::from_millis(1)).await;
        gate.answered(&host("a"), Instant::now(), true, None);
        assert!((window() - 2.0).abs() < 1e-9);
        for _ in 0..5 {
            gate.answered(&host("a"), Instant::now(), false, None);
        }
        assert!((3.0..5.0).contains(&window()), "{}", window());
        for _ in 0..100 {
            gate.answered(&host("a"), Instant::now(), false, None);
        }
        assert!((window() - 8.0).abs() < 1e-9);
        assert!(gate.has_answered(&host("a")) && !gate.has_answered(&host("b")));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_at_once_than_the_host_says_are_left() {
        let gate = Gate::new(8, None);
        gate.answered(&host("a"), Instant::now(), false, Some(1));
        let _one = now(&gate, "a", Lane::Receive).await.unwrap();
        assert!(now(&gate, "a", Lane::Receive).await.is_none());
        gate.answered(&host("a"), Instant::now(), false, Some(100));
        assert!(now(&gate, "a", Lane::Receive).await.is_some());
    }
}
