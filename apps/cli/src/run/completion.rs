use clap_complete::Shell as Generator;

use crate::args::{self, Completion, Shell};
use crate::exit::{Exit, Failure};
use crate::print::out;

/// Prints a completion script, or the help when no shell is named.
pub(crate) fn run(arguments: &Completion) -> Result<(), Failure> {
    let Some(shell) = arguments.shell else { return out(&args::help_of(&["completion"])) };
    let generator = match shell {
        Shell::Bash => Generator::Bash,
        Shell::Fish => Generator::Fish,
        Shell::Powershell => Generator::PowerShell,
        Shell::Zsh => Generator::Zsh,
    };
    let mut command = if arguments.no_descriptions { without_descriptions(args::command()) } else { args::command() };
    let mut script = Vec::new();
    clap_complete::generate(generator, &mut command, "ocm", &mut script);
    out(&String::from_utf8(script)
        .map_err(|error| Failure::new(Exit::Failed, format!("completion script: {error}")))?)
}

fn without_descriptions(command: clap::Command) -> clap::Command {
    command.about("").long_about("").mut_args(|arg| arg.help("").long_help("")).mut_subcommands(without_descriptions)
}
