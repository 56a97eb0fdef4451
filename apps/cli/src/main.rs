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
        Err(word) => return Failure::usage(format!("argument {word:?} is not valid UTF-8")).report(),
    };
    match args::parse(words) {
        Err(error) => usage::report(&error),
        Ok((arguments, dialect)) => match run::run(arguments, dialect) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        },
    }
}
