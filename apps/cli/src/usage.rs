//! Wrong command lines, and requests for help, in the words of this program.

#[cfg(test)]
mod flags;
mod older;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::args;
use crate::exit::Failure;
use crate::print;

/// Prints what the reader of the command line has to say, and returns the exit code.
pub(crate) fn report(error: &clap::Error, words: &[String]) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match print::out(&error.to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(),
        };
    }
    failure(error, words).report()
}

fn failure(error: &clap::Error, words: &[String]) -> Failure {
    let rendered = error.to_string();
    let command = command_of(&rendered).unwrap_or_else(|| args::path(words));
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => texts.first().cloned(),
        _ => None,
    };
    let failure = match (error.kind(), text(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(word)) => {
            let failure = Failure::usage(format!("unknown command {word:?} for {command:?}"));
            unknown_command(&command, &word).into_iter().fold(failure, Failure::hint)
        }
        (ErrorKind::UnknownArgument, _) => {
            let failure = Failure::usage(message(&rendered));
            match older(&command, text(ContextKind::InvalidArg)) {
                Some(advice) => failure.hint(format!("the older program has this flag; {advice}")),
                None => tips(&rendered).into_iter().fold(failure, Failure::hint),
            }
        }
        _ => tips(&rendered).into_iter().fold(Failure::usage(message(&rendered)), Failure::hint),
    };
    failure.hint(format!("\"{command} --help\" shows the usage"))
}

/// What to do in place of a command that there is not.
fn unknown_command(command: &str, word: &str) -> Option<String> {
    if let Some(advice) = older::elsewhere(command, word) {
        return Some(advice.to_owned());
    }
    if let Some(advice) = older::command(command, word) {
        return Some(format!("the older program has this command; {advice}"));
    }
    similar(word, command).map(|similar| format!("did you mean \"{command} {similar}\"?"))
}

/// What to do in place of a flag that only the older program has.
fn older(command: &str, flag: Option<String>) -> Option<&'static str> {
    older::replacement(command, flag?.split(['=', ' ']).next()?)
}

/// The command below `command` that is nearest to a word, if it is near.
fn similar(word: &str, command: &str) -> Option<String> {
    let root = args::command();
    let below = command.split(' ').skip(1).try_fold(&root, |command, name| command.find_subcommand(name))?;
    let names = below.get_subcommands().map(|command| command.get_name().to_owned());
    let (distance, name) = names.map(|name| (distance(word, &name), name)).min()?;
    (distance <= 2 && distance < word.chars().count()).then_some(name)
}

/// How many letters have to be added, left out, changed, or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=other.len()).collect()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let changed = rows[i][j] + usize::from(a != b);
            let swapped = i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b;
            let swapped = if swapped { rows[i - 1][j - 1] + 1 } else { usize::MAX };
            row.push(changed.min(rows[i][j + 1] + 1).min(row[j] + 1).min(swapped));
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// The text up to the tips and the usage, on one line per sentence.
fn message(rendered: &str) -> String {
    let lines = rendered.lines().take_while(|line| {
        !line.starts_with("Usage:") && !line.starts_with("For more information") && !line.starts_with("  tip:")
    });
    let text: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    let text = text.join("\n");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

/// What clap suggests, but not how to pass a flag as a value: nobody wants that.
fn tips(rendered: &str) -> Vec<String> {
    let tips = rendered.lines().filter_map(|line| line.strip_prefix("  tip: "));
    tips.filter(|tip| !tip.starts_with("to pass ")).map(str::to_owned).collect()
}

/// The command that the usage line is about: `ocm get`.
fn command_of(rendered: &str) -> Option<String> {
    let usage = rendered.lines().find_map(|line| line.strip_prefix("Usage: "))?;
    Some(usage.split(' ').take_while(|word| !word.starts_with(['[', '<', '-'])).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// What is said about a wrong line; nothing about one that is not.
    pub(super) fn told(words: &[String]) -> String {
        let error = args::parse(words.to_vec(), None).err();
        error.map(|error| format!("{:?}", failure(&error, words))).unwrap_or_default()
    }

    fn told_of(line: &str) -> String {
        told(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_mistyped_command_is_an_error_with_a_suggestion() {
        let told = told_of("gte cv");
        assert!(told.contains(r#"unknown command \"gte\" for \"ocm\""#) && told.contains("ocm get"), "{told}");
    }

    #[test]
    fn a_command_that_texts_name_and_no_program_has_leads_to_the_one_that_does_it() {
        assert!(told_of("validate c.yaml").contains("--dry-run"), "{}", told_of("validate c.yaml"));
    }

    #[test]
    fn an_unknown_kind_is_an_error() {
        assert!(told_of("get foo").contains(r#"unknown command \"foo\" for \"ocm get\""#), "{}", told_of("get foo"));
    }

    #[test]
    fn a_command_that_only_the_older_program_has_is_refused_with_what_to_do() {
        for line in ["add resources arch r.yaml", "create componentarchive acme.org/a 1.0.0"] {
            assert!(told_of(line).contains("constructor file"), "{}", told_of(line));
        }
    }

    #[test]
    fn a_flag_that_only_the_older_program_has_is_refused_with_what_to_do() {
        for line in ["transfer ctf a b --uploader x", "transfer ctf a b -E", "-X keeplocalblob=true get cv a"] {
            assert!(told_of(line).contains("the older program has this flag"), "{}", told_of(line));
        }
    }

    #[test]
    fn suggestions_make_sense() {
        assert!(told_of("add cv --fils x").contains("'--file'"), "{}", told_of("add cv --fils x"));
        for line in ["get x", "get z cv", "x", "get cv a -x", "get cv a --qqq"] {
            let told = told_of(line);
            assert!(!told.contains("did you mean") && !told.contains("to pass") && !told.contains("similar"), "{told}");
        }
    }

    #[test]
    fn an_unknown_form_names_those_that_there_are() {
        assert!(told_of("get cv a -o xml").contains("ndjson"), "{}", told_of("get cv a -o xml"));
    }
}
