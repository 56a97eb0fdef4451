//! The `ocm` program: arguments in, a verb of the library, its report printed out.

mod args;
mod exit;
mod log;
mod print;
mod progress;
mod run;
mod usage;

use std::process::ExitCode;

use exit::Failure;

// Content passes through buffers of some 100 KiB that live for a moment. The system's allocator gives each back to the kernel
// and takes it again, page by page: half of the processor time of a transfer between registries. mimalloc keeps it; of 180,000
// page faults for 1 GiB between registries, 2,500 remain. Its `no_thp` is needed: with huge pages each thread touches 2 MiB for
// its first small buffer, and 200 images took 70 MiB instead of 45. Its older version (`v2`) gives every buffer a place of its
// own among segments of 32 MiB and came to 150 MiB where this one takes 41.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Result<Vec<String>, _> = std::env::args_os().skip(1).map(std::ffi::OsString::into_string).collect();
    let words = match words {
        Ok(words) => words,
        Err(word) => return Failure::usage(format!("argument {} is not valid UTF-8", word.display())).report(),
    };
    let compat = std::env::var("OCM_COMPAT").ok();
    match args::parse(words.clone(), compat.as_deref()) {
        Err(error) => usage::report(&error, &words),
        Ok((arguments, dialect)) => match run::run(arguments, dialect) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        },
    }
}
