use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

/// A folder of its own for the program and its peers, and nothing of the machine's environment.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
    names: AtomicUsize,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), names: AtomicUsize::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
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

    /// A name that nothing has yet.
    pub(crate) fn free_name(&self) -> String {
        format!("out-{}", self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Runs a command line; words are separated by blanks.
    pub(crate) fn run(&self, program: &Path, line: &str) -> Output {
        let mut command = Command::new(program);
        // Some clients look for other programs, such as those that keep passwords.
        command.args(line.split(' ')).current_dir(self.folder.path()).env_clear().env("PATH", "/usr/bin:/bin");
        command.env("HOME", self.folder.path()).output().unwrap()
    }

    /// Runs the program; it has to succeed. Returns what it printed.
    pub(crate) fn ocm(&self, line: &str) -> String {
        succeeded("ocm", line, self.run(Path::new(env!("CARGO_BIN_EXE_ocm")), line))
    }

    /// Runs the program; it has to fail with this status. Returns its message.
    pub(crate) fn ocm_fails(&self, line: &str, status: i32) -> String {
        let output = self.run(Path::new(env!("CARGO_BIN_EXE_ocm")), line);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "ocm {line}: {message}");
        message
    }

    /// Packs what is in a folder with the system's `tar`.
    pub(crate) fn tar(&self, flags: &str, archive: &str, folder: &str) {
        let line = format!("{flags} {archive} -C {folder} .");
        succeeded("tar", &line, self.run(Path::new("tar"), &line));
    }

    /// The descriptor of a component version.
    pub(crate) fn descriptor(&self, reference: &str) -> Value {
        let printed = self.ocm(&format!("get cv {reference} -o json"));
        serde_json::from_str::<Value>(&printed).unwrap()[0].take()
    }

    /// Adds version 1.0.0 of a component with the image in the folder `layout` to the archive of the tutorial; `more` are
    /// further resources.
    pub(crate) fn add_image(&self, component: &str, more: &str) {
        self.add(&format!(
            "name: {component}
version: 1.0.0
provider: {{name: acme.org}}
resources:
- name: image
  type: ociImage
  input: {{type: dir, path: layout, mediaType: application/vnd.ocm.software.oci.layout.v1+tar}}
{more}"
        ));
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
