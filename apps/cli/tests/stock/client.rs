use std::path::{Path, PathBuf};

use crate::sandbox::{Sandbox, succeeded};

/// A program of somebody else.
pub(crate) struct Client {
    name: &'static str,
    path: PathBuf,
}

/// Where a peer is, if it is there; otherwise this says that it is not.
pub(crate) fn peer(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("OCM_TEST_PEERS").map(|folder| Path::new(&folder).join(name));
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        println!("skipped: peer {name} is not there");
    }
    path
}

impl Client {
    pub(crate) fn find(name: &'static str) -> Option<Self> {
        peer(name).map(|path| Self { name, path })
    }

    /// Runs a command line that has to succeed, and returns what it printed. Words are separated by blanks.
    pub(crate) fn run(&self, sandbox: &Sandbox, line: &str) -> String {
        succeeded(self.name, line, sandbox.run(&self.path, line))
    }

    /// Runs a command line that has to fail, and returns the message.
    pub(crate) fn fails(&self, sandbox: &Sandbox, line: &str) -> String {
        let output = sandbox.run(&self.path, line);
        assert!(!output.status.success(), "{} {line}: succeeded", self.name);
        String::from_utf8(output.stderr).unwrap()
    }
}
