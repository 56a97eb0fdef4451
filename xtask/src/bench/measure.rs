//! Runs a program and measures how long it took and how much memory it held.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Wall time and memory of one run, or the best of several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) wall: Duration,
    /// Highest resident set in bytes; 0 where the system does not tell.
    pub(super) memory: u64,
}

impl Measured {
    pub(super) fn seconds(self) -> f64 {
        self.wall.as_secs_f64()
    }

    /// Time as a person reads it.
    pub(super) fn shown(self) -> String {
        if self.wall < Duration::from_millis(100) {
            format!("{:.1} ms", self.seconds() * 1e3)
        } else {
            format!("{:.2} s", self.seconds())
        }
    }

    /// Memory for the report; `None` where the system does not tell.
    pub(super) fn memory(self) -> Option<u64> {
        Some(self.memory).filter(|bytes| *bytes > 0)
    }
}

/// Runs a command to its end; a failure comes back with what it wrote to stderr.
pub(super) fn once(command: &mut Command) -> Result<Measured, String> {
    let shown = format!("{command:?}");
    let log = tempfile_for_stderr(&shown)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log.1);
    let start = Instant::now();
    let child = command.spawn().map_err(|e| format!("{shown}: {e}"))?;
    let (status, memory) = watch(child)?;
    let wall = start.elapsed();
    let said = std::fs::read_to_string(&log.0).unwrap_or_default();
    let _ = std::fs::remove_file(&log.0);
    if status.success() { Ok(Measured { wall, memory }) } else { Err(format!("{shown}: {status}\n{said}")) }
}

/// The fastest of some runs, with the most memory of any. `prepare` runs before each and is not measured; what was
/// written before is on the disk when the clock starts.
pub(super) fn best(
    rounds: usize,
    mut prepare: impl FnMut() -> Result<(), String>,
    mut command: impl FnMut() -> Command,
) -> Result<Measured, String> {
    let mut best = None;
    for _ in 0..rounds {
        prepare()?;
        let _ = Command::new("sync").status();
        best = better(best, once(&mut command())?);
    }
    best.ok_or_else(|| "bench: no rounds".to_owned())
}

/// The faster of two runs, with the memory of the larger.
pub(super) fn better(before: Option<Measured>, run: Measured) -> Option<Measured> {
    Some(
        before
            .map_or(run, |before| Measured { wall: before.wall.min(run.wall), memory: before.memory.max(run.memory) }),
    )
}

/// A file for what a program says, so that no full pipe can stop it.
fn tempfile_for_stderr(shown: &str) -> Result<(std::path::PathBuf, std::fs::File), String> {
    let path = std::env::temp_dir().join(format!("ocm-bench-{}.log", std::process::id()));
    let file = std::fs::File::create(&path).map_err(|e| format!("{shown}: {}: {e}", path.display()))?;
    Ok((path, file))
}

/// Waits for a process while another thread follows its memory.
fn watch(mut child: Child) -> Result<(std::process::ExitStatus, u64), String> {
    let status_file = format!("/proc/{}/status", child.id());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut highest = 0;
            while !ended.load(Ordering::Relaxed) {
                highest = highest.max(high_water_mark(Path::new(&status_file)).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(2));
            }
            highest
        });
        let status = child.wait().map_err(|e| format!("waiting for process {}: {e}", child.id()));
        ended.store(true, Ordering::Relaxed);
        let memory = follower.join().unwrap_or(0);
        status.map(|status| (status, memory))
    })
}

/// `VmHWM` of a Linux process in bytes. It only grows, so the last reading before the end is the peak.
fn high_water_mark(status_file: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(status_file).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}
