//! The client against a server that is a few lines of text over a socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod files;
mod hostile;
mod hosts;
mod limits;
mod names;
mod requests;
mod server;
