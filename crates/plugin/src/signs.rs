//! Signs of life: whether a plugin that has not answered for a while does anything at all.
//!
//! Content of any size may take any time, so a time limit alone either cuts off honest work or lets a program that hangs stop a
//! command for as long. A program that works shows it: it says something, files in its folder grow, or it uses the processor.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Longest time between two looks.
const BETWEEN: Duration = Duration::from_secs(5);

/// Files that are looked at; folders deeper than this are not looked into.
const MOST_FILES: usize = 1000;
const DEEPEST: usize = 3;

/// Processor time in ticks (hundredths of a second) below which a program only waits: runtimes wake up now and then for nothing.
#[cfg(target_os = "linux")]
const IDLE: u64 = 5;

/// When a program last said something.
#[derive(Clone, Debug)]
pub(crate) struct Signs(Arc<Mutex<Instant>>);

impl Default for Signs {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl Signs {
    /// The program has said something.
    pub(crate) fn heard(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A program that is watched while it works.
pub(crate) struct WorkingProgram<'a> {
    pub(crate) signs: &'a Signs,
    /// Where its files go.
    pub(crate) folder: &'a Path,
    /// Its process group, while it runs.
    pub(crate) group: Option<u32>,
}

impl WorkingProgram<'_> {
    /// Ends when there was no sign of life for `patience`. Where processor time cannot be seen, it never ends: somebody who uploads
    /// would be taken for somebody who hangs.
    pub(crate) async fn falls_silent(&self, patience: Duration) {
        let (Some(group), true) = (self.group, cfg!(target_os = "linux")) else { return std::future::pending().await };
        let (mut since, mut written, mut used) = (Instant::now(), size(self.folder), ticks(group));
        loop {
            tokio::time::sleep(BETWEEN.min(patience / 4)).await;
            let (now_written, now_used) = (size(self.folder), ticks(group));
            if now_written != written || is_more(used, now_used) {
                (since, written, used) = (Instant::now(), now_written, now_used);
            }
            since = since.max(self.signs.last());
            if since.elapsed() >= patience {
                return;
            }
        }
    }
}

/// Number and bytes of the files in a folder.
fn size(folder: &Path) -> (usize, u64) {
    let (mut count, mut bytes) = (0, 0);
    let mut folders: Vec<(PathBuf, usize)> = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            count += 1;
            if count > MOST_FILES {
                return (count, bytes);
            }
            // Links lead elsewhere, and are not followed.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() && depth < DEEPEST => folders.push((entry.path(), depth + 1)),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    (count, bytes)
}

#[cfg(target_os = "linux")]
fn is_more(before: u64, now: u64) -> bool {
    // Less: one of its programs has ended.
    now < before || now >= before + IDLE
}

/// Processor time of all programs of a group, in ticks.
#[cfg(target_os = "linux")]
fn ticks(group: u32) -> u64 {
    let wanted = group.to_string();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let stats = processes.filter(|entry| entry.file_name().as_encoded_bytes().first().is_some_and(u8::is_ascii_digit));
    stats
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter_map(|stat| {
            // Behind the name in brackets, which may hold anything: state, parent, group; 12th and 13th are user and system time.
            let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
            let time = |position: usize| fields.get(position)?.parse::<u64>().ok();
            (*fields.get(2)? == wanted).then_some(time(11)? + time(12)?)
        })
        .sum()
}

#[cfg(not(target_os = "linux"))]
fn is_more(_: u64, _: u64) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn ticks(_: u32) -> u64 {
    0
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn whoever_says_something_is_not_silent() {
        let (folder, signs) = (tempfile::tempdir().unwrap(), Signs::default());
        let program = WorkingProgram { signs: &signs, folder: folder.path(), group: Some(u32::MAX) };
        let talking = async {
            loop {
                tokio::time::sleep(PATIENCE / 8).await;
                signs.heard();
            }
        };
        let silent = tokio::time::timeout(4 * PATIENCE, program.falls_silent(PATIENCE));
        tokio::select! {
            silent = silent => assert!(silent.is_err()),
            () = talking => {}
        }
    }
}
