//! Transfers as documents: written, read, checked and carried out, in memory and against a registry of the tests' own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod carried_out;
mod charts;
mod refused;
mod rig;
mod written;
