//! One module per verb: its request, its report, and `run`.

pub mod add;
pub mod artifact;
pub mod check;
pub mod config;
pub mod create;
pub mod credentials;
pub mod diff;
pub mod doctor;
pub mod download;
pub mod elements;
pub mod get;
pub mod hash;
pub mod inventory;
pub mod keys;
pub mod list;
pub mod login;
pub mod plugin;
pub mod portability;
pub mod repair;
pub mod serve;
pub mod show;
pub mod sign;
pub mod transfer;
pub mod types;
pub mod verify;
mod visit;
