//! The command reference, made from the same texts as the help.

use std::fmt::Write as _;

use clap::{Arg, Command};

/// A page about one command; `path` is what one types: `ocm get component-version`.
pub(crate) fn markdown(command: &Command, path: &str) -> String {
    let mut page = format!("# {path}\n\n");
    let about = command.get_long_about().or_else(|| command.get_about());
    if let Some(about) = about {
        let _ = writeln!(page, "{about}\n");
    }
    let usage = command.clone().render_usage().to_string();
    let _ = writeln!(page, "```\n{}\n```\n", usage.trim_start_matches("Usage:").trim());
    let aliases: Vec<&str> = command.get_all_aliases().collect();
    if !aliases.is_empty() {
        let _ = writeln!(page, "Other names: `{}`\n", aliases.join("`, `"));
    }
    let below: Vec<&Command> = command.get_subcommands().filter(|below| below.get_name() != "help").collect();
    if !below.is_empty() {
        let rows = below.iter().map(|below| {
            let name = below.get_name();
            let link = format!("{}_{name}.md", path.replace(' ', "_"));
            format!("| [`{name}`]({link}) | {} |\n", text(below.get_about()))
        });
        let _ = writeln!(page, "| command | |\n|---|---|\n{}", rows.collect::<String>());
    }
    section(&mut page, "Arguments", command.get_positionals());
    section(&mut page, "Options", command.get_opts().chain(command.get_arguments().filter(|arg| is_flag(arg))));
    page
}

fn is_flag(arg: &Arg) -> bool {
    !arg.is_positional() && !arg.get_action().takes_values()
}

fn section<'a>(page: &mut String, title: &str, args: impl Iterator<Item = &'a Arg>) {
    let args = args.filter(|arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version" if arg.get_long().is_some() && !arg.get_action().takes_values()));
    let rows = args
        .map(|arg| format!("| `{}` | {} |\n", spelling(arg).replace('|', "\\|"), meaning(arg)))
        .collect::<Vec<_>>()
        .concat();
    if !rows.is_empty() {
        let _ = writeln!(page, "## {title}\n\n| | |\n|---|---|\n{rows}");
    }
}

fn spelling(arg: &Arg) -> String {
    let names =
        arg.get_value_names().into_iter().flatten().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(" ");
    let flags: Vec<String> = arg
        .get_short_and_visible_aliases()
        .into_iter()
        .flatten()
        .map(|short| format!("-{short}"))
        .chain(arg.get_long_and_visible_aliases().into_iter().flatten().map(|long| format!("--{long}")))
        .collect();
    match (flags.is_empty(), arg.get_action().takes_values()) {
        (true, _) => names,
        (false, true) if arg.is_require_equals_set() => {
            let is_optional = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
            let value = if is_optional { format!("[={names}]") } else { format!("={names}") };
            format!("{}{value}", flags.join(", "))
        }
        (false, true) => format!("{} {names}", flags.join(", ")),
        (false, false) => flags.join(", "),
    }
}

fn meaning(arg: &Arg) -> String {
    let mut meaning = text(arg.get_long_help().or_else(|| arg.get_help()));
    let values: Vec<String> = arg
        .get_possible_values()
        .iter()
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        let _ = write!(meaning, "; one of {}", values.join(", "));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !defaults.is_empty() && !arg.is_hide_default_value_set() && arg.get_action().takes_values() {
        let _ = write!(meaning, "; default {}", defaults.join(", "));
    }
    meaning
}

/// On one line, and without what would end a cell of a table.
fn text(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default().replace('\n', " ").replace('|', "\\|")
}
