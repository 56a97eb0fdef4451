//! Errands of the project that need more than a shell line. Started by `./x`, never shipped.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal of whoever works on the project"
)]

mod arrows;
mod bench;
mod guide;
mod report;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo run -p xtask -- COMMAND

  lint                     arrows between crates, file sizes, names, words that libraries must not use
  guide [OCM]              run every command line of README.md and docs/guide (default: target/debug/ocm)
  bench [OPTIONS]          measure and print the table of docs/benchmarks.md
    --size BYTES           size of the large image's layers (default 1073741824), and of the single blob (default 8 GiB)
    --large                also move a single blob, which needs three times its size of disk
    --rounds N             runs of each measurement, the best counts (default 3)
    --only WORD            only rows whose name contains WORD
    --ocm PATH             the program (default: target/release/ocm)
    --write                also put the table into docs/benchmarks.md";

fn main() -> ExitCode {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut words = std::env::args().skip(1);
    let outcome = match words.next().as_deref() {
        Some("lint") => lint(&root),
        Some("guide") => {
            let ocm = words.next().map_or_else(|| root.join("target/debug/ocm"), PathBuf::from);
            guide::check(&root, &ocm)
        }
        Some("bench") => bench::Options::parse(words).and_then(|options| bench::run(&root, &options)),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn lint(root: &std::path::Path) -> Result<(), String> {
    let mut faults = arrows::check(root)?;
    faults.extend(tidy::check(root)?);
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() { Ok(()) } else { Err(format!("xtask lint: {} to mend", faults.len())) }
}
