//! Copying between places: what is read, sent and asked, and how often.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fallback;
mod fan_out;
mod layers;
mod platforms;
mod referrers;
mod rig;
mod session;
