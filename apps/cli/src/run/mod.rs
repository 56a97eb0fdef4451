//! One file per verb: arguments into a request, the library's verb, its report printed.

mod add;
mod completion;
mod download;
mod generate;
mod get;
mod list;
mod serve;
mod session;
mod transfer;
mod version;

use std::future::Future;
use std::time::Duration;

use session::{Session, versions};

use crate::args::{self, Arguments, Command, Dialect, Get, Transfer};
use crate::exit::{Exit, Failure};
use crate::print::out;

/// How long work on other threads may take to notice that it is no longer wanted.
const PATIENCE: Duration = Duration::from_secs(2);

/// Does what the command line says. Only commands that read or write content start a runtime.
pub(crate) fn run(arguments: Arguments, dialect: Dialect) -> Result<(), Failure> {
    let Some(command) = arguments.command else { return help(&[]) };
    match command {
        Command::Version(version) => version::run(&version, dialect),
        Command::Completion(completion) => completion::run(&completion),
        Command::Generate(generate) => match generate.kind {
            None => help(&["generate"]),
            Some(kind) => generate::run(&kind),
        },
        Command::Add(args::Add { kind: None }) => help(&["add"]),
        Command::Get(Get { kind: None }) => help(&["get"]),
        Command::List(args::List { kind: None }) => help(&["list"]),
        Command::Transfer(Transfer { kind: None }) => help(&["transfer"]),
        Command::Download(args::Download { kind: None }) => help(&["download"]),
        command => {
            let session = Session::start(arguments.global, dialect)?;
            with_runtime(verb(&session, command))
        }
    }
}

async fn verb(session: &Session, command: Command) -> Result<(), Failure> {
    match command {
        Command::Add(add) => add::run(session, add).await,
        Command::Get(get) => get::run(session, get).await,
        Command::List(list) => list::run(session, list).await,
        Command::Transfer(transfer) => transfer::run(session, transfer).await,
        Command::Download(download) => download::run(session, download).await,
        Command::Serve(serve) => serve::run(session, serve).await,
        Command::Generate(_) | Command::Completion(_) | Command::Version(_) => Ok(()),
    }
}

/// A group without its subcommand: the help, as a success.
fn help(path: &[&str]) -> Result<(), Failure> {
    out(&args::help_of(path))
}

/// Runs until the work is done or somebody interrupts. An interrupted future is dropped, and with it go its temporary files.
fn with_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = work => result,
            () = interrupted() => Err(Failure::interrupted()),
        }
    });
    runtime.shutdown_timeout(PATIENCE);
    result
}

/// Ends when the program is asked to end: Ctrl-C, or the signal that service managers and containers send.
async fn interrupted() {
    let control_c = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else { return control_c.await };
        tokio::select! {
            () = control_c => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    control_c.await;
}
