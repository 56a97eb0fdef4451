use std::io::{self, IsTerminal as _, Read as _};

use console::Term;
use ocm::credentials::Secret;
use ocm::ops::login::{self, Request};

use super::Session;
use super::credentials::keeping;
use crate::args::{Login, Logout};
use crate::exit::Failure;
use crate::print::{self, out};

/// Longest password that is read, in bytes; tokens of clouds have a few thousand.
const LONGEST: u64 = 1 << 20;

/// Logs in.
pub(crate) async fn login(session: &Session, arguments: Login) -> Result<(), Failure> {
    let keeping = keeping(&session.environment)?;
    let username = match arguments.username {
        Some(username) => username,
        None => asked("Username: ", false)?,
    };
    let password = match (arguments.password, arguments.password_stdin) {
        (Some(password), _) => {
            tracing::warn!(target: "ocm", "a password on the command line can be seen by others: use --password-stdin");
            password
        }
        (None, true) => from_stdin()?,
        (None, false) => asked("Password: ", true)?,
    };
    let request = Request { registry: arguments.registry, username, password: Secret::new(password), keeping };
    out(&print::login::login(&login::run(&session.context, &request).await?))
}

/// Logs out.
pub(crate) async fn logout(session: &Session, arguments: Logout) -> Result<(), Failure> {
    let keeping = keeping(&session.environment)?;
    out(&print::login::logout(&login::logout(&arguments.registry, &keeping).await?))
}

/// The standard input without the end of its line, as Docker reads it.
fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = io::stdin().take(LONGEST).read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("the password cannot be read from the standard input: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// What the person at the keyboard answers.
fn asked(question: &str, hidden: bool) -> Result<String, Failure> {
    let terminal = Term::stderr();
    if !io::stdin().is_terminal() || !terminal.is_term() {
        return Err(Failure::usage("there is nobody to ask for user and password")
            .hint("give them with --username and --password-stdin"));
    }
    let failed = |error: io::Error| Failure::usage(format!("the answer cannot be read: {error}"));
    terminal.write_str(question).map_err(failed)?;
    let answer = if hidden { terminal.read_secure_line() } else { terminal.read_line() };
    Ok(answer.map_err(failed)?.trim().to_owned())
}
