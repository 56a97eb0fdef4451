//! Command lines as a shell would give them, run with the real program in folders of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    missing_docs
)]

mod accesses;
mod add;
mod air_gap;
mod bypass;
mod canary;
mod charts;
mod check;
mod clouds;
mod config;
mod config_explain;
mod config_hostile;
mod config_trust;
mod credentials;
mod credentials_docker;
mod diff;
mod doctor;
mod download;
mod emit_values;
mod faults_archives;
mod faults_content;
mod faults_images;
mod faults_limits;
mod faults_loss;
mod faults_names;
mod faults_older;
mod faults_places;
mod faults_uploads;
mod flags_add;
mod flags_documents;
mod flags_download;
mod flags_get;
mod flags_selection;
mod flags_transfer;
mod get;
mod hash;
mod images;
mod limits;
mod nginx;
mod older;
mod openpgp;
mod plugin;
mod plugin_faults;
mod plugin_install;
mod plugin_repository;
mod portability;
mod recorded_content;
mod recorded_forms;
mod recorded_refused;
mod relative;
mod repair;
mod resolvers;
mod sandbox;
mod serve;
mod sign;
mod sign_flags;
mod sign_remote;
mod sign_vault;
mod signals;
mod sigstore;
mod sparse;
mod tls;
mod tls_proxy;
mod transfer;
mod transfer_accesses;
mod transfer_again;
mod transfer_also;
mod transfer_documents;
mod transfer_estimates;
mod transfer_images;
mod transfer_kept;
mod transfer_names;
mod transfer_recorded;
mod transfer_remote;
mod transfer_reports;
mod transfer_targets;
mod transfer_told;
mod trust;
mod trust_moved;
mod usage;
mod verify;
mod verify_hostile;
mod walked_transfer;
