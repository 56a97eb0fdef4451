//! The registry client, against a server that does what a test says, and against a real one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod authorization;
mod distribution;
mod download;
mod lists;
mod scripted;
mod upload;
