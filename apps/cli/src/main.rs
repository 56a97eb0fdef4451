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
