use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder of its own, and nothing of the machine's environment.
pub(crate) struct Sandbox(tempfile::TempDir);

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program with words as arguments.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocm"));
        command.args(words).current_dir(self.0.path()).env_clear().env("HOME", self.0.path());
        command
    }

    /// Runs a command line; words are separated by blanks.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let words: Vec<&str> = line.split(' ').collect();
        Ran::from(self.command(&words).output().unwrap())
    }

    /// Runs a command line that has to succeed, and returns what it printed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.status, 0, "ocm {line}: {}", ran.stderr);
        ran.stdout
    }

    /// Runs a command line that has to fail with this status, and returns its message.
    pub(crate) fn fails(&self, line: &str, status: i32) -> String {
        let ran = self.run(line);
        assert_eq!(ran.status, status, "ocm {line}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("Error: ") && ran.stdout.is_empty(), "ocm {line}: {}{}", ran.stdout, ran.stderr);
        ran.stderr
    }

    /// A sandbox with an archive `ctf` that holds `acme.org/hello:1.0.0`.
    pub(crate) fn hello() -> Self {
        let sandbox = Self::new();
        sandbox.file("hello.yaml", HELLO).ok("add cv -c hello.yaml -r ctf");
        sandbox
    }

    /// A sandbox with an archive `ctf` that holds a root, which refers to a middle and a leaf.
    pub(crate) fn tree() -> Self {
        let sandbox = Self::new();
        sandbox.file("tree.yaml", TREE).ok("add cv -c tree.yaml -r ctf");
        sandbox
    }

    /// What a command prints as JSON.
    pub(crate) fn json(&self, line: &str) -> Value {
        json(&self.ok(line))
    }

    pub(crate) fn is_empty(&self, folder: &Path) -> bool {
        fs::read_dir(self.0.path().join(folder)).is_ok_and(|mut entries| entries.next().is_none())
    }
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

pub(crate) const HELLO: &str = "\
name: acme.org/hello
version: 1.0.0
provider:
  name: acme.org
resources:
- name: greeting
  type: plainText
  input:
    type: utf8
    text: hello world
";

const TREE: &str = "\
components:
- name: acme.org/leaf
  version: 0.1.0
  provider: {name: acme.org}
- name: acme.org/mid
  version: 0.1.0
  provider: {name: other.org}
  componentReferences:
  - {name: leaf, version: 0.1.0, componentName: acme.org/leaf}
- name: acme.org/root
  version: 1.0.0
  provider: {name: acme.org}
  componentReferences:
  - {name: leaf, version: 0.1.0, componentName: acme.org/leaf}
  - {name: mid, version: 0.1.0, componentName: acme.org/mid}
";
