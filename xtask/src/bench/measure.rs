//! Runs a program and measures how long it took and how much memory it held.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Wall time and memory of one run, or the best of several.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    pub(super) wall: Duration,
    /// Processor time that the program itself used, to the hundredth of a second; not that of the kernel for it.
    pub(super) user: Duration,
    /// Highest resident set in bytes; 0 where the system does not tell.
    pub(super) memory: u64,
    /// Bytes that it had the system put into files; 0 where the system does not tell.
    pub(super) written: u64,
}

/// What the system tells of a process.
#[derive(Clone, Copy, Default)]
struct Usage {
    user: Duration,
    memory: u64,
    written: u64,
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
    let (status, Usage { user, memory, written }) = watch(child)?;
    let wall = start.elapsed();
    let said = std::fs::read_to_string(&log.0).unwrap_or_default();
    let _ = std::fs::remove_file(&log.0);
    if status.success() {
        Ok(Measured { wall, user, memory, written })
    } else {
        Err(format!("{shown}: {status}\n{said}"))
    }
}

/// The fastest of some runs, with the least processor time and the most memory of any. `prepare` runs before each and is not measured; what was
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

/// The faster of two runs, with the memory of the larger and what the one that wrote more has written.
pub(super) fn better(before: Option<Measured>, run: Measured) -> Option<Measured> {
    Some(before.map_or(run, |before| Measured {
        wall: before.wall.min(run.wall),
        user: before.user.min(run.user),
        memory: before.memory.max(run.memory),
        written: before.written.max(run.written),
    }))
}

/// A file for what a program says, so that no full pipe can stop it.
fn tempfile_for_stderr(shown: &str) -> Result<(std::path::PathBuf, std::fs::File), String> {
    let path = std::env::temp_dir().join(format!("ocm-bench-{}.log", std::process::id()));
    let file = std::fs::File::create(&path).map_err(|e| format!("{shown}: {}: {e}", path.display()))?;
    Ok((path, file))
}

/// Waits for a process while another thread follows what it uses. All of that only grows, so the last reading before the end
/// tells.
fn watch(mut child: Child) -> Result<(std::process::ExitStatus, Usage), String> {
    let process = format!("/proc/{}", child.id());
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| {
            let mut last = Usage::default();
            while !ended.load(Ordering::Relaxed) {
                let process = Path::new(&process);
                last.memory = last.memory.max(high_water_mark(process).unwrap_or(0));
                last.user = last.user.max(user_time(process).unwrap_or_default());
                last.written = last.written.max(bytes_written(process).unwrap_or(0));
                std::thread::sleep(Duration::from_millis(2));
            }
            last
        });
        let status = child.wait().map_err(|e| format!("waiting for process {}: {e}", child.id()));
        ended.store(true, Ordering::Relaxed);
        let usage = follower.join().unwrap_or_default();
        status.map(|status| (status, usage))
    })
}

/// `VmHWM` of a Linux process in bytes.
fn high_water_mark(process: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(kibibytes.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// `utime` of a Linux process, which counts in hundredths of a second.
fn user_time(process: &Path) -> Option<Duration> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name in front may have blanks; the field is the twelfth behind it.
    let ticks = stat.rsplit_once(')')?.1.split_whitespace().nth(11)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// `write_bytes` of a Linux process.
fn bytes_written(process: &Path) -> Option<u64> {
    let io = std::fs::read_to_string(process.join("io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix("write_bytes: "))?.trim().parse().ok()
}
