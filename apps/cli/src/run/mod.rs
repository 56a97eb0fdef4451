//! One file per verb: arguments into a request, the library's verb, its report printed.

mod add;
mod artifact;
mod check;
mod completion;
mod config;
mod configuration;
mod create;
mod credentials;
mod describe;
mod diff;
mod doctor;
mod download;
mod generate;
mod get;
mod hash;
mod interruption;
mod kept;
mod list;
mod login;
mod plugin;
mod plugin_folders;
mod repair;
mod serve;
mod session;
mod show;
mod sign;
mod signer;
mod transfer;
mod transfer_effect;
mod transfer_files;
mod transfer_spec;
mod trust;
mod verify;
mod version;

use std::future::Future;
use std::time::Duration;

use interruption::interruption;
use session::{Session, versions};

use crate::args::{
    self, Add, Arguments, Check, Command, Config, Create, CreateKind, Describe, DescribeKind, Dialect, Download,
    Generate, Get, Global, Hash, List, Plugin, Repair, Show, Sign, Transfer, Verify,
};
use crate::exit::{Exit, Failure};
use crate::print::out;

/// How long a transfer that is interrupted may take to write down what it has done. All of the end has five seconds.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long work on other threads may take to notice that it is no longer wanted.
const PATIENCE: Duration = Duration::from_secs(2);

/// Does what the command line says. Only commands that read or write content start a runtime.
pub(crate) fn run(arguments: Arguments, dialect: Dialect) -> Result<(), Failure> {
    let Some(command) = arguments.command else { return help(&[]) };
    named_files_are_there(&arguments.global)?;
    let rebase = command.rebase();
    let start = || Session::start(arguments.global, dialect).map(|session| session.rebasing(rebase));
    match command {
        Command::Add(Add { kind: Some(kind) }) => work(&start()?, async |session| add::run(session, kind).await),
        Command::Get(Get { kind: Some(kind) }) => work(&start()?, async |session| get::run(session, kind).await),
        Command::List(List { kind: Some(kind) }) => work(&start()?, async |session| list::run(session, kind).await),
        Command::Show(Show { kind: Some(kind) }) => work(&start()?, async |session| show::run(session, kind).await),
        Command::Transfer(Transfer { kind: Some(kind) }) => {
            work(&start()?, async |session| Box::pin(transfer::run(session, kind)).await)
        }
        Command::Download(Download { kind: Some(kind) }) => {
            work(&start()?, async |session| Box::pin(download::run(session, kind)).await)
        }
        Command::Check(Check { kind: Some(kind) }) => work(&start()?, async |session| check::run(session, kind).await),
        Command::Repair(Repair { kind: Some(kind) }) => {
            work(&start()?, async |session| repair::run(session, kind).await)
        }
        Command::Diff(arguments) => work(&start()?, async |session| diff::run(session, arguments).await),
        Command::Sign(Sign { kind: Some(kind) }) => work(&start()?, async |session| sign::run(session, kind).await),
        Command::Verify(Verify { kind: Some(kind) }) => {
            work(&start()?, async |session| verify::run(session, kind).await)
        }
        Command::Hash(Hash { kind: Some(kind) }) => work(&start()?, async |session| hash::run(session, kind).await),
        Command::Create(Create { kind: Some(CreateKind::RsaKeyPair(arguments)) }) => {
            with_runtime(create::key_pair(arguments))
        }
        Command::Create(Create { kind: Some(CreateKind::Archive(arguments)) }) => {
            work(&start()?, async |session| create::archive(session, arguments).await)
        }
        Command::Login(arguments) => work(&start()?, async |session| login::login(session, arguments).await),
        Command::Logout(arguments) => work(&start()?, async |session| login::logout(session, arguments).await),
        Command::Config(Config { kind: Some(kind) }) => config::run(start, kind),
        Command::Doctor(arguments) => work(&start()?, async |session| doctor::run(session, arguments).await),
        Command::Describe(Describe { kind: Some(DescribeKind::Types(arguments)) }) => {
            work(&start()?, async |session| describe::types(session, arguments).await)
        }
        Command::Plugin(Plugin { kind: Some(kind) }) => {
            work(&start()?, async |session| Box::pin(plugin::run(session, kind)).await)
        }
        Command::Serve(serve) => with_runtime(serve::run(&start()?, serve)),
        Command::Version(version) => version::run(&version, dialect),
        Command::Completion(completion) => completion::run(&completion),
        Command::Generate(Generate { kind: Some(kind) }) => generate::run(&kind),
        Command::Add(Add { kind: None }) => help(&["add"]),
        Command::Get(Get { kind: None }) => help(&["get"]),
        Command::List(List { kind: None }) => help(&["list"]),
        Command::Show(Show { kind: None }) => help(&["show"]),
        Command::Transfer(Transfer { kind: None }) => help(&["transfer"]),
        Command::Download(Download { kind: None }) => help(&["download"]),
        Command::Check(Check { kind: None }) => help(&["check"]),
        Command::Repair(Repair { kind: None }) => help(&["repair"]),
        Command::Generate(Generate { kind: None }) => help(&["generate"]),
        Command::Sign(Sign { kind: None }) => help(&["sign"]),
        Command::Verify(Verify { kind: None }) => help(&["verify"]),
        Command::Hash(Hash { kind: None }) => help(&["hash"]),
        Command::Create(Create { kind: None }) => help(&["create"]),
        Command::Describe(Describe { kind: None }) => help(&["describe"]),
        Command::Plugin(Plugin { kind: None }) => help(&["plugin"]),
        Command::Config(Config { kind: None }) => help(&["config"]),
    }
}

/// A configuration that was named and is not there is an error for every command, also for those that have no use for one.
fn named_files_are_there(global: &Global) -> Result<(), Failure> {
    global.config.iter().try_for_each(|path| match std::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(ocm::Error::unreadable(format!("configuration {}", path.display()), &error).into()),
    })
}

/// A group without its subcommand: the help, as a success.
fn help(path: &[&str]) -> Result<(), Failure> {
    out(&args::help_of(path))
}

/// Works until it is done or somebody interrupts. An interrupted future is dropped, and with it go its temporary files; a
/// transfer may first write down what it has done.
fn work(session: &Session, verb: impl AsyncFnOnce(&Session) -> Result<(), Failure>) -> Result<(), Failure> {
    with_runtime(async {
        let interruption = interruption()?;
        let mut verb = Box::pin(async {
            session.say_unknown().await?;
            verb(session).await
        });
        tokio::select! {
            result = &mut verb => {
                session.context.end().await;
                return result;
            }
            () = interruption => {}
        }
        if session.context.interrupt() {
            // That it was interrupted says more than what kept it from ending in order.
            let _ = tokio::time::timeout(LAST_WORDS, &mut verb).await;
        }
        drop(verb);
        // They have process groups of their own, which Ctrl-C does not reach.
        session.context.abandon().await;
        Err(Failure::interrupted())
    })
}

fn with_runtime(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(PATIENCE);
    result
}
