//! How fast requests follow each other: as fast as possible until a host says that it counts them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ::http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use crate::retry::retry_after;

/// The time over which accepted requests are counted.
const SECOND: Duration = Duration::from_secs(1);

/// Part of what was last accepted that is asked for again: registries count in their own seconds.
const CAUTION: f64 = 0.95;

/// Lowest rate in requests per second. Below it, waiting as the host asks is enough.
const LOWEST: f64 = 5.0;

/// Accepted requests that make a rate believable.
const SAMPLE: usize = 10;

/// Fewer do when the host refuses again within this time.
const AGAIN: Duration = Duration::from_secs(10);

/// What hosts let through, by method: registries count reading and writing apart.
pub(crate) struct Pace {
    meters: Mutex<HashMap<(Arc<str>, Method), Meter>>,
    /// Longest time that a host may keep everybody waiting.
    longest_hold: Duration,
}

#[derive(Default)]
struct Meter {
    /// Times of the answers of the last second that were no refusals.
    accepted: VecDeque<Instant>,
    /// The last refusal that counted.
    refused: Option<Instant>,
    limit: Option<Limit>,
    hold: Option<Instant>,
}

/// A rate that was found out by a refusal.
struct Limit {
    base: f64,
    since: Instant,
    next: Instant,
}

impl Limit {
    /// The rate now: it creeps up first, so that the host refuses rarely where the rate was right, and then runs, so that
    /// a rate that was wrong, or is no more, is soon forgotten.
    fn rate(&self, now: Instant) -> f64 {
        let seconds = now.saturating_duration_since(self.since).as_secs_f64();
        self.base * (1.0 + 0.001 * seconds + (seconds / 90.0).powi(3))
    }
}

impl Pace {
    pub(crate) fn new(longest_hold: Duration) -> Self {
        Self { meters: Mutex::default(), longest_hold }
    }

    /// Waits for the turn of a request.
    pub(crate) async fn turn(&self, host: &Arc<str>, method: &Method) {
        loop {
            let until = {
                let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(meter) = meters.get_mut(&(host.clone(), method.clone())) else { return };
                meter.turn(Instant::now())
            };
            match until {
                Turn::At(at) => return tokio::time::sleep_until(at).await,
                Turn::AskAgain(at) => tokio::time::sleep_until(at).await,
            }
        }
    }

    /// Learns from an answer.
    pub(crate) fn answered(&self, host: &Arc<str>, method: &Method, status: StatusCode, headers: &HeaderMap) {
        let now = Instant::now();
        let mut meters = self.meters.lock().unwrap_or_else(PoisonError::into_inner);
        let meter = meters.entry((host.clone(), method.clone())).or_default();
        let asked = retry_after(headers, SystemTime::now());
        match status {
            StatusCode::TOO_MANY_REQUESTS => {
                meter.refused(now);
                meter.hold_for(asked, now, self.longest_hold);
            }
            StatusCode::SERVICE_UNAVAILABLE => meter.hold_for(asked, now, self.longest_hold),
            _ => meter.accepted(now),
        }
        if let Some(Allowance { left: 0, reset }) = Allowance::read(headers) {
            meter.hold_for(reset, now, self.longest_hold);
        }
    }
}

enum Turn {
    At(Instant),
    AskAgain(Instant),
}

impl Meter {
    fn turn(&mut self, now: Instant) -> Turn {
        if let Some(hold) = self.hold.filter(|hold| *hold > now) {
            return Turn::AskAgain(hold);
        }
        let Some(limit) = &mut self.limit else { return Turn::At(now) };
        let rate = limit.rate(now);
        let at = limit.next.max(now);
        limit.next = at + Duration::from_secs_f64(1.0 / rate);
        Turn::At(at)
    }

    fn accepted(&mut self, now: Instant) {
        while self.accepted.front().is_some_and(|time| now.saturating_duration_since(*time) > SECOND) {
            self.accepted.pop_front();
        }
        self.accepted.push_back(now);
    }

    fn refused(&mut self, now: Instant) {
        while self.accepted.front().is_some_and(|time| now.saturating_duration_since(*time) > SECOND) {
            self.accepted.pop_front();
        }
        let before = self.refused;
        // Refusals of requests that were under way together are one.
        if before.is_some_and(|before| now.saturating_duration_since(before) < SECOND) {
            return;
        }
        self.refused = Some(now);
        let again = before.is_some_and(|before| now.saturating_duration_since(before) < AGAIN);
        // One refusal out of the blue says nothing about a rate.
        if self.accepted.len() < SAMPLE && !again {
            return;
        }
        let base = (self.accepted.len() as f64 * CAUTION).max(LOWEST);
        let next = self.limit.as_ref().map_or(now, |limit| limit.next);
        self.limit = Some(Limit { base, since: now, next });
    }

    fn hold_for(&mut self, asked: Option<Duration>, now: Instant, longest: Duration) {
        let Some(asked) = asked.filter(|asked| *asked <= longest) else { return };
        let until = now.checked_add(asked);
        self.hold = self.hold.max(until);
    }
}

/// What a host says it still allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Requests.
    pub(crate) left: u64,
    /// Time until there are more.
    pub(crate) reset: Option<Duration>,
}

impl Allowance {
    /// Reads what is written in one of three ways: `RateLimit: "policy";r=9;t=30` (the draft of the IETF),
    /// `RateLimit-Remaining` with `RateLimit-Reset` (its older form; Docker Hub adds `;w=<window>` and tells no reset), and
    /// the same with `X-` in front.
    pub(crate) fn read(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(value) = text("ratelimit") {
            let parameter = |name: &str| {
                let found = value.split([';', ',']).find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
                found.and_then(|number| number.trim().parse().ok())
            };
            if let Some(left) = parameter("r") {
                return Some(Self { left, reset: parameter("t").map(Duration::from_secs) });
            }
        }
        ["", "x-"].iter().find_map(|prefix| {
            let number = |name: &str| -> Option<u64> {
                text(&format!("{prefix}ratelimit-{name}"))?.split([';', ',']).next()?.trim().parse().ok()
            };
            Some(Self { left: number("remaining")?, reset: number("reset").map(time_until) })
        })
    }
}

/// A time in seconds, or the moment at its end as seconds since 1970.
fn time_until(number: u64) -> Duration {
    const MOMENTS: u64 = 1_000_000_000;
    if number < MOMENTS {
        return Duration::from_secs(number);
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Duration::from_secs(number).saturating_sub(now)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn allowances_in_the_wild() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        for (pairs, left, reset) in [
            (&[("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "76;w=21600")][..], 76, None),
            (&[("ratelimit-remaining", "0"), ("ratelimit-reset", "30")], 0, seconds(30)),
            (&[("ratelimit", "\"default\";r=9;t=12")], 9, seconds(12)),
            (&[("x-ratelimit-remaining", "5"), ("x-ratelimit-reset", "7")], 5, seconds(7)),
        ] {
            assert_eq!(Allowance::read(&headers(pairs)), Some(Allowance { left, reset }), "{pairs:?}");
        }
        assert_eq!(Allowance::read(&headers(&[("ratelimit-remaining", "many")])), None);
        assert_eq!(time_until(1_000_000_001), Duration::ZERO);
    }

    /// A registry that allows so many requests in every second of its clock, asked by sixteen at once.
    async fn ask_a_counting_registry(allowed: usize, requests: usize) -> (f64, usize) {
        let pace = Arc::new(Pace::new(Duration::from_mins(2)));
        let host: Arc<str> = "a".into();
        let begin = Instant::now();
        let counted = Arc::new(Mutex::new((0, 0)));
        let left = Arc::new(Mutex::new((requests, 0)));
        let workers = (0..16).map(|_| {
            let (pace, host, counted, left) = (pace.clone(), host.clone(), counted.clone(), left.clone());
            async move {
                loop {
                    {
                        let mut left = left.lock().unwrap();
                        if left.0 == 0 {
                            return;
                        }
                        left.0 -= 1;
                    }
                    loop {
                        pace.turn(&host, &Method::GET).await;
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        let second = begin.elapsed().as_secs();
                        let accepted = {
                            let mut counted = counted.lock().unwrap();
                            if counted.0 != second {
                                *counted = (second, 0);
                            }
                            counted.1 += 1;
                            counted.1 <= allowed
                        };
                        let status = if accepted { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
                        pace.answered(
                            &host,
                            &Method::GET,
                            status,
                            &headers(&[("retry-after", "1")][usize::from(accepted)..]),
                        );
                        if accepted {
                            break;
                        }
                        left.lock().unwrap().1 += 1;
                    }
                }
            }
        });
        futures_util::future::join_all(workers).await;
        (begin.elapsed().as_secs_f64(), left.lock().unwrap().1)
    }

    #[tokio::test(start_paused = true)]
    async fn a_counting_registry_refuses_few_and_is_used_well() {
        let (seconds, refused) = ask_a_counting_registry(20, 2000).await;
        assert!(refused < 20, "{refused} refused");
        assert!(2000.0 / seconds > 18.0, "{} per second", 2000.0 / seconds);
    }

    #[tokio::test(start_paused = true)]
    async fn one_refusal_out_of_the_blue_slows_nobody_down() {
        let pace = Pace::new(Duration::from_mins(2));
        let host: Arc<str> = "a".into();
        for _ in 0..16 {
            pace.answered(&host, &Method::GET, StatusCode::TOO_MANY_REQUESTS, &HeaderMap::new());
        }
        let begin = Instant::now();
        for _ in 0..100 {
            pace.turn(&host, &Method::GET).await;
        }
        assert!(begin.elapsed() < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_allows_little_is_not_hammered() {
        let (_, refused) = ask_a_counting_registry(6, 300).await;
        assert!(refused < 60, "{refused} refused");
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_as_long_as_the_host_asks() {
        let pace = Pace::new(Duration::from_mins(2));
        let host: Arc<str> = "a".into();
        let begin = Instant::now();
        pace.answered(&host, &Method::GET, StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "7")]));
        pace.turn(&host, &Method::PUT).await;
        assert_eq!(begin.elapsed(), Duration::ZERO);
        pace.turn(&host, &Method::GET).await;
        assert!(begin.elapsed() >= Duration::from_secs(7));
        // Hours are not waited for: the answer is handed out instead.
        pace.answered(&host, &Method::GET, StatusCode::TOO_MANY_REQUESTS, &headers(&[("retry-after", "7200")]));
        let begin = Instant::now();
        pace.turn(&host, &Method::GET).await;
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}
