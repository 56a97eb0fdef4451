//! A large image: into an archive, from there into a registry, and from one registry into another.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Bench;
use super::measure::{Measured, best, better};
use super::workload::{self, COMPONENT, Layout};
use crate::report::Row;

/// Most memory the program may hold, whatever it moves: 64 MiB.
const MEMORY: u64 = 64 << 20;

/// `add cv` of the image as tar and as directory, against `cp` and one pass of `sha256sum`.
pub(super) fn pack(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let Layout { folder, tar } = workload::layout(&bench.folder, bench.options.size)?;
    let copy = bench.folder.join("copy");
    let archive = bench.folder.join("archive");
    let mut rows = Vec::new();
    for (input, path, name) in [("file", &tar, "layout tar"), ("dir", &folder, "layout directory")] {
        let constructor = bench.folder.join("image.yaml");
        workload::image_constructor(&constructor, input, &path.file_name().unwrap_or_default().to_string_lossy())?;
        let fair = || {
            let script = r#"cp -r "$0" "$1" && find "$0" -type f -exec sha256sum {} + >/dev/null"#;
            let mut command = Command::new("sh");
            command.arg("-c").arg(script).arg(path).arg(&copy);
            command
        };
        let add = || {
            let mut command = Command::new(&bench.ocm);
            command.args(["add", "cv", "--constructor"]).arg(&constructor).arg("--repository").arg(&archive);
            command
        };
        let (mut ours, mut theirs) = (None, None);
        for _ in 0..bench.options.rounds {
            theirs = better(theirs, best(1, || workload::remove(&copy), fair)?);
            workload::remove(&copy)?;
            ours = better(ours, best(1, || workload::remove(&archive), add)?);
            workload::remove(&archive)?;
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return Err("bench: no rounds".to_owned()) };
        let work = format!("`add cv` of a {} {name}", size(bench.options.size));
        rows.push(row(work, ours, "`cp` + `sha256sum`", theirs, 1.5));
    }
    Ok(rows)
}

/// Archive → registry and registry → registry, against the fastest peer that can do the same.
pub(super) fn transport(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let Some(registry) = bench.peer("docker-registry").or_else(|| bench.peer("registry")) else {
        return Err("bench: the peer `docker-registry` is missing, nothing can be transported".to_owned());
    };
    let layout = bench.folder.join("layout");
    if !layout.exists() {
        workload::layout(&bench.folder, bench.options.size)?;
    }
    let constructor = bench.folder.join("image.yaml");
    workload::image_constructor(&constructor, "dir", "layout")?;
    let archive = bench.folder.join("archive");
    workload::remove(&archive)?;
    let mut add = Command::new(&bench.ocm);
    workload::shell(add.args(["add", "cv", "--constructor"]).arg(&constructor).arg("--repository").arg(&archive))?;

    let source = Registry::start(&registry, &bench.folder.join("source"))?;
    let from_archive = format!("{}//{COMPONENT}", archive.display());
    workload::shell(&mut transfer(bench, &from_archive, &source.address))?;
    let any = push(bench, &layout, &source.address).into_iter().next();
    workload::shell(&mut any.ok_or("bench: no peer to compare with is there")?.1)?;
    let from_registry = format!("http://{}//{COMPONENT}", source.address);

    let size = size(bench.options.size);
    Ok(vec![
        compare(bench, &registry, &format!("archive → registry, {size} image"), &from_archive, |target| {
            push(bench, &layout, target)
        })?,
        compare(bench, &registry, &format!("registry → registry, {size} image"), &from_registry, |target| {
            copy(bench, &source.address, target)
        })?,
    ])
}

/// The peers' ways from the layout into a registry. The first is there whenever any is.
fn push(bench: &Bench<'_>, layout: &Path, target: &str) -> Vec<(&'static str, Command)> {
    let layout = layout.display();
    named(
        bench,
        [
            ("crane", format!("push --insecure {layout} {target}/image:1.0.0")),
            (
                "regctl",
                format!("--host reg={target},tls=disabled image copy ocidir://{layout}:1.0.0 {target}/image:1.0.0"),
            ),
            ("oras", format!("cp --from-oci-layout --to-plain-http {layout}:1.0.0 {target}/image:1.0.0")),
        ],
    )
}

/// The peers' ways from one registry into another.
fn copy(bench: &Bench<'_>, source: &str, target: &str) -> Vec<(&'static str, Command)> {
    let hosts = format!("--host reg={source},tls=disabled --host reg={target},tls=disabled");
    let image = format!("{source}/image:1.0.0 {target}/image:1.0.0");
    named(
        bench,
        [
            ("crane", format!("copy --insecure {image}")),
            ("regctl", format!("{hosts} image copy {image}")),
            ("oras", format!("cp --from-plain-http --to-plain-http {image}")),
        ],
    )
}

/// Command lines of the peers that are there; no word contains a blank.
fn named(bench: &Bench<'_>, lines: [(&'static str, String); 3]) -> Vec<(&'static str, Command)> {
    let there = lines.into_iter().filter_map(|(name, line)| {
        let mut command = Command::new(bench.peer(name)?);
        command.args(line.split(' '));
        Some((name, command))
    });
    there.collect()
}

/// Measures the program and each peer, every run into an empty registry of its own.
fn compare(
    bench: &Bench<'_>,
    registry: &Path,
    work: &str,
    from: &str,
    peers: impl Fn(&str) -> Vec<(&'static str, Command)>,
) -> Result<Row, String> {
    let storage = bench.folder.join("target");
    let names: Vec<&str> = peers("").into_iter().map(|(name, _)| name).collect();
    let mut ours: Option<Measured> = None;
    let mut theirs: Vec<Option<Measured>> = vec![None; names.len()];
    // Taking turns within a round, all meet the same machine.
    for _ in 0..bench.options.rounds {
        let run = |command: &dyn Fn(&str) -> Command| {
            let target = Registry::start(registry, &storage)?;
            best(1, || Ok(()), || command(&target.address))
        };
        ours = better(ours, run(&|target| transfer(bench, from, target))?);
        for (number, theirs) in theirs.iter_mut().enumerate() {
            *theirs = better(*theirs, run(&|target| peers(target).swap_remove(number).1)?);
        }
    }
    let measured = || names.iter().zip(theirs.iter().flatten());
    for (name, theirs) in measured() {
        eprintln!("  {work}: {name} {}", theirs.shown());
    }
    let fastest = measured().min_by_key(|(_, theirs)| theirs.wall);
    let ours = ours.ok_or("bench: no rounds")?;
    let (name, theirs) = fastest.ok_or("bench: no peer to compare with is there")?;
    Ok(row(work.to_owned(), ours, name, *theirs, 1.1))
}

fn transfer(bench: &Bench<'_>, from: &str, target: &str) -> Command {
    let mut command = Command::new(&bench.ocm);
    command.args(["transfer", "cv", "--copy-resources", from]).arg(format!("http://{target}"));
    command
}

fn row(work: String, ours: Measured, name: &str, theirs: Measured, most: f64) -> Row {
    let ratio = ours.seconds() / theirs.seconds();
    Row {
        work,
        ours: ours.shown(),
        against: format!("{name} {}", theirs.shown()),
        ratio: Some(ratio),
        memory: ours.memory(),
        bar: format!("ratio ≤ {most}; ≤ 64 MiB"),
        met: ratio <= most && ours.memory <= MEMORY,
    }
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) }
}

/// A registry of the reference implementation on an empty folder; gone when dropped, and its folder with it.
struct Registry {
    process: Child,
    address: String,
    folder: std::path::PathBuf,
}

impl Registry {
    fn start(program: &Path, folder: &Path) -> Result<Self, String> {
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
        let process = Command::new(program)
            .arg("serve")
            .arg(&configuration)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
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

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = workload::remove(&self.folder);
    }
}
