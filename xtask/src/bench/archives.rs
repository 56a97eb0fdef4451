//! The program's start, and archives with many small components.

use std::path::Path;
use std::process::Command;

use super::measure::{best, better};
use super::{Bench, workload};
use crate::report::Row;

/// Components in the archive that counts as large.
const LARGE: usize = 10_000;

/// `ocm version`.
pub(super) fn version(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let run = best(20, || Ok(()), || command(bench, &["version"]))?;
    Ok(vec![Row {
        work: "`ocm version`".to_owned(),
        ours: run.shown(),
        against: "–".to_owned(),
        ratio: None,
        memory: run.memory(),
        bar: "≤ 10 ms".to_owned(),
        met: run.seconds() <= 0.010,
    }])
}

/// `add cv` of one file with many small components: linear in time and in bytes written.
pub(super) fn many_components(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let mut rows: Vec<Row> = Vec::new();
    // The first count is the measure for the others; the smallest is mostly the start of the program.
    let mut reference: Option<(f64, f64)> = None;
    for count in [100, 1_000, 1_600, LARGE] {
        let file = bench.folder.join("components.yaml");
        let archive = bench.folder.join("components");
        workload::components(&file, 1, count)?;
        let run = best(bench.options.rounds, || workload::remove(&archive), || add(bench, &file, &archive))?;
        let bytes = workload::bytes_below(&archive);
        let each = (run.seconds() / count as f64, bytes as f64 / count as f64);
        let base = *reference.get_or_insert(each);
        let linear = each.0 <= base.0 * 1.2 && each.1 <= base.1 * 1.1;
        rows.push(Row {
            work: format!("`add cv` of {count} small components"),
            ours: format!("{}, {:.2} ms and {:.0} B each", run.shown(), each.0 * 1e3, each.1),
            against: "each of the first 100".to_owned(),
            ratio: Some(each.0 / base.0),
            memory: run.memory(),
            bar: if count == 1_600 { "linear; ≤ 1 s" } else { "linear: time ≤ 1.2, bytes ≤ 1.1" }.to_owned(),
            met: linear && (count != 1_600 || run.seconds() <= 1.0),
        });
    }
    Ok(rows)
}

/// One more component for an archive of many, and reading one of many.
pub(super) fn one_more(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    let file = bench.folder.join("large.yaml");
    let archive = bench.folder.join("large");
    workload::components(&file, 1, LARGE)?;
    workload::shell(&mut add(bench, &file, &archive))?;

    let mut number = LARGE;
    let more = bench.folder.join("more.yaml");
    let prepare = || {
        number += 1;
        workload::components(&more, number, 1)
    };
    let added = best(bench.options.rounds, prepare, || add(bench, &more, &archive))?;
    let reference = format!("{}//acme.org/bench/part-05000:1.0.0", archive.display());
    let got = best(bench.options.rounds.max(5), || Ok(()), || command(bench, &["get", "cv", &reference]))?;
    let row = |work: String, run: super::measure::Measured, bar: f64| Row {
        work,
        ours: run.shown(),
        against: "–".to_owned(),
        ratio: None,
        memory: run.memory(),
        bar: format!("≤ {bar} s"),
        met: run.seconds() <= bar,
    };
    Ok(vec![
        row(format!("one more `add cv` into an archive of {LARGE}"), added, 0.1),
        row(format!("`get cv` of one of {LARGE}"), got, 0.05),
    ])
}

/// Archive → archive, in the same form, against `cp` and one pass of `sha256sum` at the same time.
pub(super) fn between(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    if !bench.folder.join("layout").exists() {
        workload::layout(&bench.folder, bench.options.size)?;
    }
    let constructor = bench.folder.join("image.yaml");
    workload::image_constructor(&constructor, "dir", "layout")?;
    let work = format!("archive → archive, {} image", size(bench.options.size));
    copies(bench, &constructor, &work)
}

/// A single large blob from archive to archive; only if asked for.
pub(super) fn single_blob(bench: &Bench<'_>) -> Result<Vec<Row>, String> {
    if !bench.options.large {
        eprintln!("  skipped: needs --large, and {} of disk", size(3 * bench.options.single));
        return Ok(Vec::new());
    }
    let constructor = bench.folder.join("blob.yaml");
    workload::blob_constructor(&constructor, bench.options.single)?;
    copies(bench, &constructor, &format!("archive → archive, one blob of {}", size(bench.options.single)))
}

/// Most memory the program may hold, whatever it moves: 64 MiB.
const MEMORY: u64 = 64 << 20;

/// Disk-bound: reading, hashing once and writing, which other programs do beside each other, too.
const DISK_BOUND: f64 = 1.2;

fn copies(bench: &Bench<'_>, constructor: &Path, work: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for ending in ["", ".tar"] {
        let [source, copy, target] =
            ["from", "copy", "to"].map(|name| bench.folder.join(format!("between-{name}{ending}")));
        workload::shell(&mut add(bench, constructor, &source))?;
        let fair = || {
            let script = r#"cp -r "$0" "$1" & find "$0" -type f -exec sha256sum {} + >/dev/null; wait; sync -f "$1""#;
            let mut command = Command::new("sh");
            command.arg("-c").arg(script).arg(&source).arg(&copy);
            command
        };
        let transfer = || {
            let mut command = command(bench, &["transfer", "ctf"]);
            command.arg(&source).arg(&target);
            command
        };
        let (mut ours, mut theirs) = (None, None);
        for _ in 0..bench.options.rounds {
            theirs = better(theirs, best(1, || workload::remove(&copy), fair)?);
            workload::remove(&copy)?;
            ours = better(ours, best(1, || workload::remove(&target), transfer)?);
        }
        let (Some(ours), Some(theirs)) = (ours, theirs) else { return Err("bench: no rounds".to_owned()) };
        let ratio = ours.seconds() / theirs.seconds();
        let form = if ending.is_empty() { "folders" } else { "tar files" };
        rows.push(Row {
            work: format!("{work}, {form}"),
            ours: ours.shown(),
            against: format!("`cp` beside `sha256sum` {}", theirs.shown()),
            ratio: Some(ratio),
            memory: ours.memory(),
            bar: format!("ratio ≤ {DISK_BOUND}; ≤ 64 MiB"),
            met: ratio <= DISK_BOUND && ours.memory <= MEMORY,
        });
        for path in [&source, &copy, &target] {
            workload::remove(path)?;
        }
    }
    Ok(rows)
}

fn size(bytes: u64) -> String {
    if bytes >= 1 << 30 { format!("{} GiB", bytes >> 30) } else { format!("{} MiB", bytes >> 20) }
}

fn command(bench: &Bench<'_>, words: &[&str]) -> Command {
    let mut command = Command::new(&bench.ocm);
    command.args(words);
    command
}

fn add(bench: &Bench<'_>, constructor: &Path, archive: &Path) -> Command {
    let mut command = command(bench, &["add", "cv", "--constructor"]);
    command.arg(constructor).arg("--repository").arg(archive);
    command
}
