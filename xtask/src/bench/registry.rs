//! A registry to move things in and out of.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Bench, workload};

/// A registry of the reference implementation on an empty folder; gone when dropped, and its folder with it.
pub(super) struct Registry {
    process: Child,
    pub(super) address: String,
    folder: PathBuf,
}

impl Registry {
    /// The program; it is needed for whatever moves something.
    pub(super) fn program(bench: &Bench<'_>) -> Result<PathBuf, String> {
        let program = bench.peer("docker-registry").or_else(|| bench.peer("registry"));
        program.ok_or_else(|| "bench: the peer `docker-registry` is missing, nothing can be transported".to_owned())
    }

    pub(super) fn start(program: &Path, folder: &Path) -> Result<Self, String> {
        workload::remove(folder)?;
        std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        // The program wants to be told its port; one that was free a moment ago will do.
        let address = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|e| format!("no free port: {e}"))?
            .to_string();
        let configuration = folder.join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: {address}}}\n",
            folder.display()
        );
        std::fs::write(&configuration, text).map_err(|e| format!("{}: {e}", configuration.display()))?;
        let log = std::fs::File::create(folder.join(ACCESS_LOG)).map_err(|e| format!("{}: {e}", folder.display()))?;
        let process = Command::new(program)
            .arg("serve")
            .arg(&configuration)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(log)
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let registry = Self { process, address, folder: folder.to_owned() };
        let started = Instant::now();
        while TcpStream::connect(&registry.address).is_err() {
            if started.elapsed() > Duration::from_secs(10) {
                return Err(format!("{}: does not listen on {}", program.display(), registry.address));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(registry)
    }
}

/// Where a registry notes each request.
const ACCESS_LOG: &str = "access.log";

impl Registry {
    /// Requests that came so far: all, and those that read blobs.
    pub(super) fn requests(&self) -> Result<(usize, usize), String> {
        let path = self.folder.join(ACCESS_LOG);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let blobs = text.lines().filter(|line| line.contains("\"GET /v2/") && line.contains("/blobs/"));
        Ok((text.lines().filter(|line| line.contains(" /v2/")).count(), blobs.count()))
    }
}

impl Registry {
    /// How many requests of each kind came so far, as a person reads it.
    pub(super) fn kinds(&self) -> Result<String, String> {
        let path = self.folder.join(ACCESS_LOG);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let mut kinds = std::collections::BTreeMap::<String, usize>::new();
        for request in text.lines().filter_map(|line| line.split('"').nth(1)) {
            let mut words = request.split(' ');
            let (method, address) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let what = ["/blobs/uploads/", "/blobs/", "/manifests/"].into_iter().find(|part| address.contains(part));
            let what = if address.contains("mount=") { "mount" } else { what.unwrap_or("/v2/") };
            *kinds.entry(format!("{method} {what}")).or_default() += 1;
        }
        Ok(kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", "))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = workload::remove(&self.folder);
    }
}
