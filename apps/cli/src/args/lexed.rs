use clap::{ArgAction, Command};

/// A command line cut into what it consists of, without judging it: just enough to tell the dialects apart.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    /// The commands, by their proper names: `["get", "component-version"]`.
    pub(super) path: Vec<String>,
    /// The same as they were written: `["get", "components"]`.
    pub(super) spelt: Vec<String>,
    /// Flags in order, `--name` or `-n`, with the value where they have one.
    flags: Vec<(String, Option<String>)>,
    /// Positions of arguments that are neither commands, flags nor values of flags.
    pub(super) words: Vec<usize>,
    /// Positions of tokens that hold short flags.
    pub(super) clusters: Vec<usize>,
}

impl Lexed {
    /// Cuts a command line (without the program's name). Commands are looked up in `root`, which has to be built.
    pub(super) fn new(argv: &[String], root: &Command) -> Self {
        let mut lexed = Self::default();
        let mut command = root;
        let mut position = 0;
        while let Some(token) = argv.get(position) {
            if token == "--" {
                lexed.words.extend(position + 1..argv.len());
                break;
            }
            let next = argv.get(position + 1).cloned();
            let took_next = if let Some(long) = token.strip_prefix("--") {
                lexed.long(long, next, command)
            } else if token.len() > 1 && token.starts_with('-') {
                lexed.clusters.push(position);
                lexed.cluster(&token[1..], next, command)
            } else {
                match command.find_subcommand(token) {
                    Some(found) if lexed.words.is_empty() => {
                        lexed.path.push(found.get_name().to_owned());
                        lexed.spelt.push(token.clone());
                        command = found;
                    }
                    _ => lexed.words.push(position),
                }
                false
            };
            position += 1 + usize::from(took_next);
        }
        lexed
    }

    /// Whether one of the flags is there.
    pub(super) fn has_any(&self, names: &[&str]) -> bool {
        self.flags.iter().any(|(name, _)| names.contains(&name.as_str()))
    }

    /// The values of flags.
    pub(super) fn values<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
        self.flags.iter().filter(|(name, _)| names.contains(&name.as_str())).filter_map(|(_, value)| value.as_deref())
    }

    fn long(&mut self, long: &str, next: Option<String>, command: &Command) -> bool {
        let (name, attached) =
            long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value.to_owned())));
        let takes_next = attached.is_none()
            && takes_value(command, |arg| {
                arg.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
            });
        self.flags.push((format!("--{name}"), attached.or(next.filter(|_| takes_next))));
        takes_next
    }

    fn cluster(&mut self, letters: &str, next: Option<String>, command: &Command) -> bool {
        let mut rest = letters.chars();
        while let Some(letter) = rest.next() {
            let is_letter =
                |arg: &clap::Arg| arg.get_short_and_visible_aliases().is_some_and(|names| names.contains(&letter));
            if !takes_value(command, is_letter) {
                self.flags.push((format!("-{letter}"), None));
                continue;
            }
            let attached = rest.as_str();
            let takes_next = attached.is_empty();
            let value = if takes_next { next } else { Some(attached.trim_start_matches('=').to_owned()) };
            self.flags.push((format!("-{letter}"), value));
            return takes_next;
        }
        false
    }
}

fn takes_value(command: &Command, is_it: impl Fn(&clap::Arg) -> bool) -> bool {
    command.get_arguments().filter(|arg| is_it(arg)).any(|arg| {
        let is_optional = arg.is_require_equals_set();
        matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !is_optional
    })
}
