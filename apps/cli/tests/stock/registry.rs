use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::client::peer;

/// Registries to test with; `ocm` is the program itself.
const ALL: [&str; 4] = ["docker-registry", "registry", "referrers-registry", "ocm"];

/// A registry on this machine; it ends when dropped.
pub(crate) struct Registry {
    pub(crate) name: &'static str,
    /// Host and port.
    pub(crate) address: String,
    process: Child,
    folder: tempfile::TempDir,
}

impl Registry {
    /// All that are there, each of them empty, one after the other.
    pub(crate) fn each() -> impl Iterator<Item = Self> {
        ALL.into_iter().filter_map(Self::start)
    }

    /// Those that can ask for a password: `somebody`, `secret`.
    pub(crate) fn each_locked() -> impl Iterator<Item = Self> {
        ["docker-registry", "registry"].into_iter().filter_map(|name| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("htpasswd");
            fs::write(&path, "somebody:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n").unwrap();
            let lock = format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", path.display());
            Some(Self::run(name, &mut distribution(name, folder.path(), &lock)?, folder))
        })
    }

    pub(crate) fn start(name: &'static str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut command = match name {
            "ocm" => {
                let archive = folder.path().join("archive");
                fs::create_dir(&archive).unwrap();
                let mut command = serve(&archive);
                command.arg("--writable");
                command
            }
            "referrers-registry" => Command::new(peer(name)?),
            _ => distribution(name, folder.path(), "")?,
        };
        Some(Self::run(name, &mut command, folder))
    }

    /// The program itself on an archive, for reading only.
    pub(crate) fn read_only(archive: &Path) -> Self {
        Self::run("ocm", &mut serve(archive), tempfile::tempdir().unwrap())
    }

    /// The program itself on an archive.
    pub(crate) fn writable(archive: &Path) -> Self {
        Self::run("ocm", serve(archive).arg("--writable"), tempfile::tempdir().unwrap())
    }

    /// The repository that holds the versions of a component, as stock clients name it.
    pub(crate) fn repository(&self, component: &str) -> String {
        format!("{}/component-descriptors/{component}", self.address)
    }

    fn run(name: &'static str, command: &mut Command, folder: tempfile::TempDir) -> Self {
        // Into a file: a pipe that nobody reads any more would stop the writer one day.
        let log = File::create(folder.path().join("log")).unwrap();
        let process = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let mut registry = Self { name, address: String::new(), process, folder };
        registry.address = registry.wait();
        println!("{name} at {}", registry.address);
        registry
    }

    /// Waits for the address, which each of them says in its own words as soon as it listens.
    fn wait(&mut self) -> String {
        let end = Instant::now() + Duration::from_secs(30);
        loop {
            let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
            let whole_lines = log.rfind('\n').map_or("", |end| &log[..end]);
            if let Some((_, rest)) = whole_lines.split_once("127.0.0.1:") {
                let port = rest.split(|character: char| !character.is_ascii_digit()).next().unwrap();
                return format!("127.0.0.1:{port}");
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "{} does not come up: {ended:?}: {log}", self.name);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn serve(archive: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocm"));
    command.arg("serve").arg(archive);
    command
}

/// The reference implementation in one of its versions, with more of its configuration.
fn distribution(name: &str, folder: &Path, more: &str) -> Option<Command> {
    let configuration = folder.join("config.yml");
    let text = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\n\
         http: {{addr: \"127.0.0.1:0\"}}\n{more}",
        folder.join("storage").display()
    );
    fs::write(&configuration, text).unwrap();
    let mut command = Command::new(peer(name)?);
    command.arg("serve").arg(configuration);
    Some(command)
}
