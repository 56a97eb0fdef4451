//! `./x bench`: the work the project promises to be fast at, measured against other programs in the same run.

mod archives;
mod images;
mod many;
mod measure;
mod proxy;
mod registry;
mod trouble;
mod trust;
mod workload;

use std::path::{Path, PathBuf};

use crate::report::{self, Row};

/// What to measure and how thoroughly.
pub(crate) struct Options {
    /// Size of the layers of the large image, in bytes.
    size: u64,
    /// Whether to move a single large blob, too, which needs three times its size of disk.
    large: bool,
    /// Its size in bytes: 8 GiB, or what was said of the image.
    single: u64,
    /// Runs of each measurement; the best counts.
    rounds: usize,
    /// Part of the names of the rows to measure; empty for all.
    only: String,
    /// Whether to keep the table in docs/benchmarks.md.
    write: bool,
    /// The program; the default is what `./x bench` builds.
    ocm: Option<PathBuf>,
}

impl Options {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            size: 1 << 30,
            large: false,
            single: 8 << 30,
            rounds: 3,
            only: String::new(),
            write: false,
            ocm: None,
        };
        while let Some(word) = words.next() {
            let mut number = || {
                let value = words.next().unwrap_or_default();
                value.parse::<u64>().map_err(|_| format!("bench: {word} wants a number, not {value:?}"))
            };
            match word.as_str() {
                "--size" => {
                    options.size = number()?;
                    options.single = options.size;
                }
                "--rounds" => options.rounds = usize::try_from(number()?).unwrap_or(1).max(1),
                "--only" => options.only = words.next().unwrap_or_default(),
                "--large" => options.large = true,
                "--write" => options.write = true,
                "--ocm" => options.ocm = words.next().map(PathBuf::from),
                _ => return Err(format!("bench: unknown option {word}")),
            }
        }
        Ok(options)
    }
}

/// What every measurement needs: the program, the peers, a folder to work in.
struct Bench<'a> {
    ocm: PathBuf,
    peers: PathBuf,
    folder: PathBuf,
    options: &'a Options,
}

impl Bench<'_> {
    fn wants(&self, name: &str) -> bool {
        name.contains(&self.options.only)
    }

    /// The path of a peer; `None` if it could not be had.
    fn peer(&self, name: &str) -> Option<PathBuf> {
        Some(self.peers.join(name)).filter(|path| path.exists())
    }
}

/// A group of rows that share their preparation.
type Group = fn(&Bench<'_>) -> Result<Vec<Row>, String>;

/// Measures, prints the table and, if asked to, keeps it.
pub(crate) fn run(root: &Path, options: &Options) -> Result<(), String> {
    let root = root.canonicalize().map_err(|e| format!("{}: {e}", root.display()))?;
    let folder = root.join("target/bench");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let bench = Bench {
        ocm: options.ocm.clone().unwrap_or_else(|| root.join("target/release/ocm")),
        peers: std::env::var_os("OCM_TEST_PEERS").map_or_else(|| root.join(".cache/peers"), PathBuf::from),
        folder,
        options,
    };

    let groups: [(&str, Group); 10] = [
        ("version", archives::version),
        ("small components", archives::many_components),
        ("large archive", archives::one_more),
        ("image into archive", images::pack),
        ("image between archives", archives::between),
        ("single blob between archives", archives::single_blob),
        ("image between places", images::transport),
        ("single blob between registries", images::single_blob),
        ("many images", many::images),
        ("signed tree", trust::tree),
    ];
    let mut rows = Vec::new();
    for (name, group) in groups {
        if bench.wants(name) {
            eprintln!("measuring: {name}");
            rows.extend(group(&bench)?);
        }
    }
    let table = report::markdown(&machine(), &rows);
    println!("{table}");
    std::fs::remove_dir_all(&bench.folder).map_err(|e| format!("{}: {e}", bench.folder.display()))?;
    if options.write {
        report::keep(&root.join("docs/benchmarks.md"), &table)?;
    }
    let missed = rows.iter().filter(|row| !row.met).count();
    if missed == 0 { Ok(()) } else { Err(format!("bench: {missed} bars missed")) }
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|m| m.1));
    format!("{}, {cores} cores, {}.", processor.unwrap_or("unknown processor"), std::env::consts::OS)
}
