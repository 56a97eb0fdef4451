use std::time::{Duration, SystemTime};

use super::Class;

/// A failure that strikes some requests.
///
/// ```
/// # use ocm_testkit::{Class, Fault};
/// # use std::time::Duration;
/// Fault::status(503).every(3);                                        // every third request, of whatever kind
/// Fault::status(429).retry_after(Duration::from_secs(1)).once();      // the next request
/// Fault::cut(1000).of("GET", Class::Blob).times(2);                   // the next two blobs end after 1000 bytes
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    pub(super) harm: Harm,
    of: Option<(&'static str, Class)>,
    every: usize,
    left: Option<usize>,
    seen: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Harm {
    Status(u16, Option<String>),
    Reset,
    Held(Duration),
    Html,
    Cut(u64),
    Stall(u64),
    Slow(Duration),
    Corrupt,
    Short(u64),
    Length(i64),
}

impl Fault {
    fn new(harm: Harm) -> Self {
        Self { harm, of: None, every: 1, left: None, seen: 0 }
    }

    /// The answer is this status, without the request having any effect.
    pub fn status(status: u16) -> Self {
        Self::new(Harm::Status(status, None))
    }

    /// The answer is 200 with a page in HTML, like that of a login portal in between.
    pub fn html() -> Self {
        Self::new(Harm::Html)
    }

    /// The connection breaks after so many bytes of the answer, or of the content that is being sent.
    pub fn cut(bytes: u64) -> Self {
        Self::new(Harm::Cut(bytes))
    }

    /// The connection breaks before there is an answer; the request has no effect.
    pub fn reset() -> Self {
        Self::new(Harm::Reset)
    }

    /// The content of the answer is kept back for so long, and then comes at once: a proxy that looks into it.
    pub fn held(time: Duration) -> Self {
        Self::new(Harm::Held(time))
    }

    /// Nothing more comes after so many bytes of the answer, but the connection stays; with 0, not even a head.
    pub fn stall(bytes: u64) -> Self {
        Self::new(Harm::Stall(bytes))
    }

    /// A pause before every 16 KiB of the answer.
    pub fn slow(pause: Duration) -> Self {
        Self::new(Harm::Slow(pause))
    }

    /// The last byte of the answer is another one; the length is right.
    pub fn corrupt() -> Self {
        Self::new(Harm::Corrupt)
    }

    /// The last bytes of the answer are missing, and its `Content-Length` says the same.
    pub fn short(bytes: u64) -> Self {
        Self::new(Harm::Short(bytes))
    }

    /// `Content-Length` is larger by so many bytes than what comes: of a `GET`, the connection ends early; of a `HEAD`,
    /// it is a lie (and may be negative).
    pub fn length(difference: i64) -> Self {
        Self::new(Harm::Length(difference))
    }

    /// With a status: says when to come again, in whole seconds.
    pub fn retry_after(mut self, time: Duration) -> Self {
        if let Harm::Status(_, retry_after) = &mut self.harm {
            *retry_after = Some(time.as_secs().to_string());
        }
        self
    }

    /// With a status: says when to come again, as a date.
    pub fn retry_at(mut self, time: SystemTime) -> Self {
        if let Harm::Status(_, retry_after) = &mut self.harm {
            *retry_after = Some(httpdate::fmt_http_date(time));
        }
        self
    }

    /// Strikes only requests of this method (empty: any) and class.
    pub fn of(mut self, method: &'static str, class: Class) -> Self {
        self.of = Some((method, class));
        self
    }

    /// Strikes every nth of the requests it applies to.
    pub fn every(mut self, nth: usize) -> Self {
        self.every = nth.max(1);
        self
    }

    /// Strikes so many times, then never again.
    pub fn times(mut self, count: usize) -> Self {
        self.left = Some(count);
        self
    }

    /// Strikes one time.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Whether it strikes this request.
    pub(super) fn strikes(&mut self, method: &str, class: Class) -> bool {
        if self.left == Some(0) || self.of.is_some_and(|(of, kind)| kind != class || !of.is_empty() && of != method) {
            return false;
        }
        self.seen += 1;
        let due = self.seen.is_multiple_of(self.every);
        if due && let Some(left) = &mut self.left {
            *left -= 1;
        }
        due
    }
}
