//! Command lines as a shell would give them, run with the real program in folders of their own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod add;
mod config;
mod download;
mod faults_content;
mod faults_images;
mod faults_limits;
mod faults_loss;
mod faults_names;
mod faults_older;
mod flags_add;
mod flags_download;
mod flags_get;
mod flags_transfer;
mod get;
mod older;
mod recorded_content;
mod recorded_forms;
mod recorded_refused;
mod sandbox;
mod serve;
mod signals;
mod transfer;
mod usage;
