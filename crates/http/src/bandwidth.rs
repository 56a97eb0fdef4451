use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::request::BodyStream;

/// What may pass at once after a pause, as a time at the full rate: enough to keep a connection busy between two looks at
/// the clock, too little to show in a measurement.
const BURST: Duration = Duration::from_millis(50);

/// Largest piece of a request that is sent at once, in bytes.
const PIECE: u64 = 64 * 1024;

/// Bytes per second for all bodies together, sent and received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth(NonZeroU64);

impl Bandwidth {
    /// So many bytes per second.
    pub fn new(bytes_per_second: NonZeroU64) -> Self {
        Self(bytes_per_second)
    }

    /// Bytes per second.
    pub fn bytes_per_second(self) -> u64 {
        self.0.get()
    }
}

/// Text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a rate: write bytes per second as in 50MiB/s, 800KiB/s, 1.5GB/s or 200000")]
pub struct NotARate(String);

impl FromStr for Bandwidth {
    type Err = NotARate;

    /// Reads a number, perhaps with a fraction, and a unit: `B`, `kB`, `MB`, `GB` (powers of 1000), `KiB`, `MiB`, `GiB`
    /// (powers of 1024), with or without `/s`. Bits are not understood: `b` would be too easily taken for `B`.
    fn from_str(text: &str) -> Result<Self, NotARate> {
        let wrong = || NotARate(text.to_owned());
        let rate = text.trim();
        let rate = rate.strip_suffix("/s").unwrap_or(rate);
        let end = rate.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rate.len());
        let (number, unit) = rate.split_at(end);
        let factor = match unit.trim() {
            "" | "B" => 1.0,
            "k" | "K" | "kB" | "KB" => 1e3,
            "M" | "MB" => 1e6,
            "G" | "GB" => 1e9,
            "Ki" | "KiB" => 1024.0,
            "Mi" | "MiB" => 1024.0 * 1024.0,
            "Gi" | "GiB" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let bytes = number.parse::<f64>().map_err(|_| wrong())? * factor;
        // Beyond 2^53 a rate is no limit any more.
        if !(1.0..=9e15).contains(&bytes) {
            return Err(wrong());
        }
        #[allow(clippy::cast_sign_loss)]
        NonZeroU64::new(bytes as u64).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B/s", self.0)
    }
}

/// The bucket that all bodies of a client draw from, and whoever moves content between places without it.
///
/// Who takes bytes waits afterwards until they have been paid for, so that any number of bodies shares the rate in the
/// order in which they come.
pub struct Bucket {
    rate: Bandwidth,
    /// When everything taken so far is paid for.
    paid: Mutex<Option<Instant>>,
}

impl Bucket {
    pub(crate) fn new(rate: Bandwidth) -> Self {
        Self { rate, paid: Mutex::default() }
    }

    /// Takes bytes, and waits until they may pass.
    pub async fn take(&self, bytes: usize) {
        let price = Duration::from_secs_f64(bytes as f64 / self.rate.bytes_per_second() as f64);
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let earliest = now.checked_sub(BURST).unwrap_or(now);
            let from = paid.map_or(earliest, |paid| paid.max(earliest));
            let until = from.checked_add(price).unwrap_or(from);
            *paid = Some(until);
            until
        };
        tokio::time::sleep_until(until).await;
    }

    /// Content to send, in small pieces that come no faster than the rate.
    pub(crate) fn slow(self: std::sync::Arc<Self>, content: BodyStream) -> BodyStream {
        let piece = (self.rate.bytes_per_second() / 20).clamp(1, PIECE) as usize;
        Box::pin(futures_util::stream::unfold(
            (content, Bytes::new(), self),
            move |(mut content, mut rest, bucket)| async move {
                while rest.is_empty() {
                    match content.next().await? {
                        Ok(chunk) => rest = chunk,
                        Err(error) => return Some((Err(error), (content, rest, bucket))),
                    }
                }
                let next = rest.split_to(rest.len().min(piece));
                bucket.take(next.len()).await;
                Some((Ok(next), (content, rest, bucket)))
            },
        ))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn rates_as_people_write_them() {
        for (text, bytes) in [
            ("50MiB/s", 50 << 20),
            ("50MiB", 50 << 20),
            ("1.5GB/s", 1_500_000_000),
            ("800 KiB/s", 800 << 10),
            ("10kB/s", 10_000),
            ("200000", 200_000),
            ("1B/s", 1),
        ] {
            assert_eq!(text.parse::<Bandwidth>().unwrap().bytes_per_second(), bytes, "{text}");
        }
        for text in
            ["", "fast", "0", "0.5B/s", "-1MiB/s", "50Mbit/s", "50 MiB/m", "1e3", "1.2.3", "1e400", "99999999GiB"]
        {
            let error = text.parse::<Bandwidth>().unwrap_err();
            assert!(error.to_string().contains("50MiB/s"), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_together_keep_to_the_rate() {
        let bucket = Arc::new(Bucket::new("1000000".parse().unwrap()));
        let begin = Instant::now();
        let takers = (0..4).map(|_| async {
            for _ in 0..100 {
                bucket.take(10_000).await;
            }
        });
        futures_util::future::join_all(takers).await;
        let seconds = begin.elapsed().as_secs_f64();
        assert!((3.8..4.2).contains(&seconds), "{seconds}");
        // A pause does not pile up credit.
        tokio::time::sleep(Duration::from_mins(1)).await;
        let begin = Instant::now();
        bucket.take(1_000_000).await;
        assert!(begin.elapsed() > Duration::from_millis(900));
    }
}
