//! Reports as text: tables, trees, YAML, JSON, in the forms of both older programs.

pub(crate) mod added_v1;
pub(crate) mod artifact;
pub(crate) mod check;
pub(crate) mod check_v1;
pub(crate) mod config;
pub(crate) mod credentials;
pub(crate) mod describe;
mod descriptor_v3;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod download;
pub(crate) mod element_tree;
pub(crate) mod elements;
pub(crate) mod escape;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod login;
mod nesting;
mod order;
pub(crate) mod plugin;
pub(crate) mod reference;
pub(crate) mod repair;
pub(crate) mod schema;
pub(crate) mod show;
pub(crate) mod sign;
mod structured;
mod table;
pub(crate) mod transfer;
pub(crate) mod transferred_v1;
pub(crate) mod verify;
pub(crate) mod versions;
pub(crate) mod versions_v1;

use std::io::{self, ErrorKind, Write as _};

pub(crate) use structured::{Structure, documents, envelope, list, object};

use crate::exit::{Exit, Failure};

/// Writes data to the standard output. A reader that has gone away (`| head`) has what it wanted: no error.
pub(crate) fn out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
