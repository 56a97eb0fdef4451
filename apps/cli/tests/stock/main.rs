//! What the program stores, fetched by the clients that everybody has, from the registries that everybody runs.
//!
//! The clients and registries are real programs in the folder that `OCM_TEST_PEERS` names; `./x test` brings them there.
//! What is missing is left out, with a line that says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod addressed;
mod attached;
mod charts;
mod client;
mod deleted;
mod doctor;
mod embedded;
mod fetched;
mod indexes;
mod internalised;
mod layout;
mod login;
mod mirrored;
mod named;
mod older_archives;
mod older_registries;
mod parallel;
mod portability;
mod pull;
mod push;
mod registry;
mod resumed;
mod round_trip;
mod sandbox;
mod served;
mod unchanged;
mod uploads;
mod walk_through;
