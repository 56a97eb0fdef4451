use std::time::{Duration, SystemTime};

use ::http::header::RETRY_AFTER;
use ::http::{HeaderMap, StatusCode};

use crate::Class;

/// When and how often a failed request is sent again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts after the first one.
    pub max_retries: u32,
    /// Wait before the second attempt; doubled for each further one.
    pub min_wait: Duration,
    /// Longest wait that the client chooses itself.
    pub max_wait: Duration,
    /// Part of the wait that is random, 0 to 1, so that many clients do not come back at once.
    pub jitter: f64,
    /// Longest wait that a server may ask for with `Retry-After`; if it asks for more, its answer is final.
    pub max_retry_after: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_retries: 5,
            min_wait: Duration::from_millis(200),
            max_wait: Duration::from_secs(30),
            jitter: 0.2,
            max_retry_after: Duration::from_mins(2),
        }
    }
}

impl Retry {
    /// No second attempts.
    pub fn never() -> Self {
        Self { max_retries: 0, ..Self::default() }
    }

    /// The wait after attempt number `attempt` (0 is the first) that failed without an answer; `None` if it was the last.
    pub fn wait(&self, attempt: u32) -> Option<Duration> {
        if attempt >= self.max_retries {
            return None;
        }
        let doubled = self.min_wait.saturating_mul(2_u32.saturating_pow(attempt)).min(self.max_wait);
        let jitter = self.jitter.clamp(0.0, 1.0);
        let spread = doubled.as_secs_f64() * (1.0 - jitter / 2.0 + jitter * chance());
        // Settings may ask for more than a duration holds.
        Some(Duration::try_from_secs_f64(spread).unwrap_or(doubled).min(self.max_wait))
    }

    /// The wait after an answer that says "later"; `None` if the answer is final.
    pub fn wait_after(&self, attempt: u32, status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
        if !Class::of_status(status).is_transient() {
            return None;
        }
        let own = self.wait(attempt)?;
        match retry_after(headers, SystemTime::now()) {
            Some(asked) if asked > self.max_retry_after => None,
            Some(asked) => Some(asked.max(own)),
            None => Some(own),
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110, 10.2.3).
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    // Whole seconds by the letter; some servers send a fraction.
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    if let Ok(seconds) = value.parse::<f64>() {
        // More than a duration holds is a wait like any other that is too long.
        let is_wait = seconds.is_finite() && seconds >= 0.0;
        return is_wait.then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// A number between 0 and 1 that differs between processes and calls; good enough to spread waits.
fn chance() -> f64 {
    use std::hash::{BuildHasher as _, RandomState};
    f64::from(RandomState::new().hash_one(SystemTime::now()) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())])
    }

    #[test]
    fn waits_grow_up_to_the_limit() {
        let retry = Retry { jitter: 0.0, max_wait: Duration::from_millis(500), ..Retry::default() };
        let waits: Vec<_> = (0..6).map(|attempt| retry.wait(attempt).map(|wait| wait.as_millis())).collect();
        assert_eq!(waits, [Some(200), Some(400), Some(500), Some(500), Some(500), None]);
    }

    #[test]
    fn the_longest_waits_do_not_overflow() {
        for jitter in [0.0, 1.0, f64::NAN, f64::INFINITY, -1.0] {
            let retry = Retry {
                max_retries: u32::MAX,
                min_wait: Duration::MAX,
                max_wait: Duration::MAX,
                jitter,
                max_retry_after: Duration::MAX,
            };
            for attempt in [0, 1, 31, 32, u32::MAX - 1] {
                assert!(retry.wait(attempt).unwrap() > Duration::from_secs(1 << 60), "{jitter}");
            }
            let asked = retry.wait_after(0, StatusCode::TOO_MANY_REQUESTS, &headers("18446744073709551615"));
            assert!(asked.unwrap() >= Duration::from_secs(u64::MAX));
            assert_eq!(retry.wait(u32::MAX), None);
        }
    }

    #[test]
    fn a_server_may_ask_for_patience_in_two_ways() {
        let date = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let now = date - Duration::from_secs(37);
        assert_eq!(retry_after(&headers("37"), now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after(&headers("Sun, 06 Nov 1994 08:49:37 GMT"), now), Some(Duration::from_secs(37)));
        assert_eq!(retry_after(&headers("1.5"), now), Some(Duration::from_millis(1500)));
        for nonsense in ["soon", "-1", "NaN", "inf", ""] {
            assert_eq!(retry_after(&headers(nonsense), now), None, "{nonsense}");
        }
    }

    #[test]
    fn an_answer_is_final_if_it_asks_for_too_much_or_is_no_delay() {
        let retry = Retry::default();
        assert!(retry.wait_after(0, StatusCode::TOO_MANY_REQUESTS, &headers("3600")).is_none());
        assert!(retry.wait_after(0, StatusCode::NOT_FOUND, &headers("1")).is_none());
        assert!(retry.wait_after(0, StatusCode::TOO_MANY_REQUESTS, &headers("1")).unwrap() >= Duration::from_secs(1));
    }
}
