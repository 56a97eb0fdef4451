//! The registry client, against a server that does what a test says, and against a real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod authorization;
mod checking;
mod distribution;
mod download;
mod faults;
mod files;
mod given_up;
mod hostile;
mod lists;
mod quirks;
mod resumed;
mod scripted;
mod unreliable;
mod upload;
