use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of its own for the program and its peers, and nothing of the machine's environment.
pub(crate) struct Sandbox(tempfile::TempDir);

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a command line; words are separated by blanks.
    pub(crate) fn run(&self, program: &Path, line: &str) -> Output {
        let mut command = Command::new(program);
        // Some clients look for other programs, such as those that keep passwords.
        command.args(line.split(' ')).current_dir(self.0.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", self.0.path()).output().unwrap()
    }

    /// Runs the program; it has to succeed. Returns what it printed.
    pub(crate) fn ocm(&self, line: &str) -> String {
        succeeded("ocm", line, self.run(Path::new(env!("CARGO_BIN_EXE_ocm")), line))
    }

    /// The descriptor of a component version.
    pub(crate) fn descriptor(&self, reference: &str) -> Value {
        let printed = self.ocm(&format!("get cv {reference} -o json"));
        serde_json::from_str::<Value>(&printed).unwrap()[0].take()
    }

    /// Adds the component version of a constructor to the archive of the tutorial.
    pub(crate) fn add(&self, constructor: &str) {
        self.file("component-constructor.yaml", constructor).ocm("add cv");
    }
}

/// What a run printed, which has to have succeeded.
pub(crate) fn succeeded(program: &str, line: &str, output: Output) -> String {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {line}: {}: {message}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
