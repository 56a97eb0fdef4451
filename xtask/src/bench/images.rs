//! A large image: into an archive, from there into a registry, and from one registry into another.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Bench;
use super::measure::{Measured, best, better, once};
use super::registry::Registry;
use super::trouble;
use super::workload::{self, BLOB, COMPONENT, Layout};
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
    let registry = Registry::program(bench)?;
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
    let mut rows = vec![
        compare(bench, &registry, &format!("archive → registry, {size} image"), &from_archive, |target| {
            push(bench, &layout, target)
        })?,
        compare(bench, &registry, &format!("registry → registry, {size} image"), &from_registry, |target| {
            copy(bench, &source.address, target)
        })?,
    ];
    rows.extend(into_archives(bench, &layout, &source.address)?);
    rows.push(trouble::killed(bench, &registry, &from_registry)?);
    Ok(rows)
}

/// A single large blob from an archive into a registry and on into another one; only if asked for. What counts is memory.
pub(super) fn single_blob(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let bytes = bench.options.single;
    if !bench.options.large {
        eprintln!("  skipped: needs --large, and {} of disk", size(3 * bytes));
        return Ok(Vec::new());
    }
    let registry = Registry::program(bench)?;
    let constructor = bench.folder.join("blob.yaml");
    workload::blob_constructor(&constructor, bytes)?;
    let archive = bench.folder.join("single");
    let mut add = Command::new(&bench.ocm);
    workload::shell(add.args(["add", "cv", "--constructor"]).arg(&constructor).arg("--repository").arg(&archive))?;
    workload::remove(&constructor.with_extension("bin"))?;
    let source = Registry::start(&registry, &bench.folder.join("single-source"))?;
    let from_archive = format!("{}//{BLOB}", archive.display());
    let pushed = best(1, || Ok(()), || transfer(bench, &from_archive, &source.address))?;
    workload::remove(&archive)?;
    let target = Registry::start(&registry, &bench.folder.join("single-target"))?;
    let from_registry = format!("http://{}//{BLOB}", source.address);
    let copied = best(1, || Ok(()), || transfer(bench, &from_registry, &target.address))?;
    drop(target);
    let pulled = best(
        1,
        || Ok(()),
        || {
            let mut command = Command::new(&bench.ocm);
            command.args(["transfer", "cv", &from_registry]).arg(&archive);
            command
        },
    )?;
    workload::remove(&archive)?;
    let ways = [("archive → registry", pushed), ("registry → registry", copied), ("registry → archive", pulled)];
    let rows = ways.into_iter().map(|(way, run)| Row {
        work: format!("{way}, one blob of {}", size(bytes)),
        ours: format!("{}, {:.2} s of processor", run.shown(), run.user.as_secs_f64()),
        against: "–".to_owned(),
        ratio: None,
        memory: run.memory(),
        bar: "≤ 64 MiB".to_owned(),
        met: run.memory <= MEMORY,
    });
    Ok(rows.collect())
}

/// Registry → archive, as folder and as tar file, against the peers' ways into a layout.
fn into_archives(bench: &Bench<'_>, layout: &Path, source: &str) -> Result<Vec<Row>, String> {
    let from = format!("http://{source}//{COMPONENT}");
    let pulled = bench.folder.join("pulled");
    let peers = pull(bench, source, &pulled);
    let payload = workload::bytes_below(&layout.join("blobs"));
    let mut rows = Vec::new();
    for (name, form) in [("to", "folder"), ("to.tar", "tar file")] {
        let target = bench.folder.join(name);
        let (mut ours, mut theirs) = (None, vec![None; peers.len()]);
        let mut flushed = Duration::MAX;
        for _ in 0..bench.options.rounds {
            let mut ocm = || {
                let mut command = Command::new(&bench.ocm);
                command.args(["transfer", "cv", "--copy-resources", &from]).arg(&target);
                command
            };
            ours = better(ours, best(1, || workload::remove(&target), &mut ocm)?);
            for (number, theirs) in theirs.iter_mut().enumerate() {
                let run = || pull(bench, source, &pulled).swap_remove(number).1;
                let measured = best(1, || workload::remove(&pulled), run)?;
                flushed = flushed.min(measured.wall + once(Command::new("sync").arg("-f").arg(&pulled))?.wall);
                *theirs = better(*theirs, measured);
            }
            workload::remove(&pulled)?;
        }
        workload::remove(&target)?;
        let names: Vec<&str> = peers.iter().map(|(name, _)| *name).collect();
        let work = format!("registry → archive, {} image, {form}", size(bench.options.size));
        let ours: Measured = ours.ok_or("bench: no rounds")?;
        let mut row = against_fastest(&work, ours, &names, &theirs, hashing(bench, layout)?)?;
        let times = ours.written as f64 / payload as f64;
        row.ours = format!("{}, {times:.2} × the bytes written", row.ours);
        // What the peers have written is still in memory when they end; ours is on the disk.
        row.against = format!("{}; with its bytes flushed, too: {:.2} s", row.against, flushed.as_secs_f64());
        row.bar = format!("{}; writes ≤ 1.02 ×", row.bar);
        row.met &= times <= 1.02;
        rows.push(row);
    }
    Ok(rows)
}

/// The peers' ways from a registry into a layout.
fn pull(bench: &Bench<'_>, source: &str, target: &Path) -> Vec<(&'static str, Command)> {
    let target = target.display();
    named(
        bench,
        [
            ("crane", format!("pull --insecure --format=oci {source}/image:1.0.0 {target}")),
            (
                "regctl",
                format!("--host reg={source},tls=disabled image copy {source}/image:1.0.0 ocidir://{target}:1.0.0"),
            ),
            ("oras", format!("cp --from-plain-http --to-oci-layout {source}/image:1.0.0 {target}:1.0.0")),
            ("skopeo", format!("copy --quiet --src-tls-verify=false docker://{source}/image:1.0.0 oci:{target}:1.0.0")),
        ],
    )
}

/// Processor time of one pass of `sha256sum` over a layout.
fn hashing(bench: &Bench<'_>, layout: &Path) -> Result<Duration, String> {
    let run = || {
        let mut command = Command::new("sh");
        // In place of the shell, so that it is the program that is measured.
        command.arg("-c").arg(r#"exec sha256sum "$0"/blobs/sha256/*"#).arg(layout);
        command
    };
    best(bench.options.rounds, || Ok(()), run).map(|measured| measured.user)
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
            (
                "skopeo",
                format!("copy --quiet --dest-tls-verify=false oci:{layout}:1.0.0 docker://{target}/image:1.0.0"),
            ),
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
            (
                "skopeo",
                format!(
                    "copy --quiet --src-tls-verify=false --dest-tls-verify=false docker://{source}/image:1.0.0 \
                     docker://{target}/image:1.0.0"
                ),
            ),
        ],
    )
}

/// Command lines of the peers that are there; no word contains a blank.
pub(super) fn named(bench: &Bench<'_>, lines: [(&'static str, String); 4]) -> Vec<(&'static str, Command)> {
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
    let ours = ours.ok_or("bench: no rounds")?;
    against_fastest(work, ours, &names, &theirs, hashing(bench, &bench.folder.join("layout"))?)
}

/// Most processor time, as a multiple of one pass of `sha256sum`.
const HASHES: f64 = 1.3;

/// The row for work that the fastest peer does no faster.
fn against_fastest(
    work: &str,
    ours: Measured,
    names: &[&'static str],
    theirs: &[Option<Measured>],
    hashing: Duration,
) -> Result<Row, String> {
    let measured = || names.iter().zip(theirs.iter().flatten());
    for (name, theirs) in measured() {
        let (user, memory) = (theirs.user.as_secs_f64(), theirs.memory >> 20);
        eprintln!("  {work}: {name} {}, {user:.2} s of processor, {memory} MiB", theirs.shown());
    }
    let fastest = measured().min_by_key(|(_, theirs)| theirs.wall);
    let (name, theirs) = fastest.ok_or("bench: no peer to compare with is there")?;
    let mut row = row(work.to_owned(), ours, name, *theirs, 1.0);
    let passes = ours.user.as_secs_f64() / hashing.as_secs_f64();
    row.ours = format!("{}, {:.2} s of processor", row.ours, ours.user.as_secs_f64());
    row.bar = format!("{}; processor ≤ {HASHES} × `sha256sum` ({:.2} s)", row.bar, hashing.as_secs_f64());
    row.met &= passes <= HASHES;
    Ok(row)
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
