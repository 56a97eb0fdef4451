//! `doctor`: what works between this program and a registry, and what does not.

mod certificate;
mod examination;
mod reading;
mod report;
mod writing;

pub use examination::run;
pub use report::{Check, Outcome, Report, Request};
