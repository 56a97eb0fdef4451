//! `doctor`: what works between this program and a registry, and what does not.

mod certificate;
mod examination;
mod reading;
mod report;
mod tags;
mod writing;

pub use examination::{host, run};
pub use report::{Authority, Certificate, Check, Outcome, Report, Request};
