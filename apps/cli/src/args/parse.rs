use clap::{Command, CommandFactory as _, FromArgMatches as _};

use super::lexed::Lexed;
use super::{Arguments, Compat, Dialect, dialect};

/// Usage on a line of its own, as the older programs print it and scripts expect it.
const HELP: &str = "{before-help}{about-with-newline}\nUsage:\n  {usage}\n\n{all-args}{after-help}";

/// The whole command tree, built.
pub(crate) fn command() -> Command {
    let mut root = shaped(Arguments::command());
    root.build();
    root
}

/// The help text of a command, named by its path from the root.
pub(crate) fn help_of(path: &[&str]) -> String {
    let mut root = command();
    let found = path.iter().try_fold(&mut root, |command, name| command.find_subcommand_mut(name));
    found.map(|command| command.render_help().to_string()).unwrap_or_default()
}

/// Reads a command line (without the program's name) in either dialect.
///
/// `compat` is the value of `OCM_COMPAT`, which has to be known before the words are read: it decides what `add -c` means.
pub(crate) fn parse(argv: Vec<String>, compat: Option<&str>) -> Result<(Arguments, Dialect), clap::Error> {
    let root = command();
    let (argv, has_attributes) = super::attributes::as_flags(argv);
    let mut argv = super::trust::behind_the_command(argv);
    let heads = Lexed::new(&argv, &bare(&root)).words;
    let is_swapped = dialect::verb_first(&heads, &mut argv, &root);
    let lexed = Lexed::new(&argv, &root);
    let told = lexed.values(&["--compat"]).last().or(compat);
    let mut found = if told == Some("v1") { Dialect::V1 } else { dialect::of(&lexed, &argv) };
    if lexed.path.iter().eq(["add", "component-version"]) {
        let is_create =
            |position: &usize| dialect::is_older_create(&argv[*position], argv.get(position + 1).map(String::as_str));
        if found == Dialect::V1 || lexed.clusters.iter().any(is_create) {
            argv = create_spelled_out(argv, &lexed);
            found = Dialect::V1;
        }
    }
    let matches = root.try_get_matches_from(std::iter::once("ocm".to_owned()).chain(argv))?;
    let arguments = Arguments::from_arg_matches(&matches)?;
    let found = match arguments.global.compat {
        Some(Compat::V1) => Dialect::V1,
        Some(Compat::V2) => Dialect::V2,
        None if is_swapped || has_attributes => Dialect::V1,
        None => found,
    };
    Ok((arguments, found))
}

/// The command that a line names: `ocm get component-version`.
pub(crate) fn path(argv: &[String]) -> String {
    std::iter::once("ocm".to_owned()).chain(Lexed::new(argv, &command()).path).collect::<Vec<_>>().join(" ")
}

/// The root with its flags but without commands, to find the first words of a line whatever they are.
fn bare(root: &Command) -> Command {
    Command::new("ocm").args(root.get_arguments().cloned())
}

fn create_spelled_out(argv: Vec<String>, lexed: &Lexed) -> Vec<String> {
    let is_cluster_with_c = |position: usize, token: &str| lexed.clusters.contains(&position) && token.contains('c');
    let tokens = argv.into_iter().enumerate().flat_map(|(position, token)| {
        if is_cluster_with_c(position, &token) { dialect::spell_create(&token) } else { vec![token] }
    });
    tokens.collect()
}

fn shaped(command: Command) -> Command {
    command.help_template(HELP).mut_subcommands(shaped)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::super::{AddComponentVersion, AddKind, Command as Verb, GetKind};
    use super::*;

    fn read(line: &str) -> (Arguments, Dialect) {
        parse(line.split(' ').map(str::to_owned).collect(), None).unwrap()
    }

    fn add(line: &str) -> (Box<AddComponentVersion>, Dialect) {
        let (arguments, dialect) = read(line);
        let Some(Verb::Add(add)) = arguments.command else { panic!("not add: {line}") };
        let Some(AddKind::ComponentVersion(add)) = add.kind else { panic!("no kind: {line}") };
        (add, dialect)
    }

    #[test]
    fn the_tree_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn c_of_add_is_the_constructor_or_create_by_what_stands_around_it() {
        let (now, dialect) = add("add cv -c constructor.yaml -r ctf");
        assert_eq!(
            (now.constructor.unwrap().to_str().unwrap(), now.create, dialect),
            ("constructor.yaml", false, Dialect::V2)
        );
        for line in [
            "add cv -fcF ctf c.yaml",
            "add cv -f -c --file ctf c.yaml",
            "add components -c --templater=go --file ctf c.yaml -- VERSION=1.2.3",
            "add cv --file ctf c.yaml -c",
            "componentversions add -c -F ctf c.yaml",
            "add cv -c c.yaml --file ctf --compat v1",
        ] {
            let (older, dialect) = add(line);
            assert!(older.create && older.constructor.is_none(), "{line}");
            assert_eq!(
                (older.file.as_deref(), older.arguments[0].as_str(), dialect),
                (Some("ctf"), "c.yaml", Dialect::V1),
                "{line}"
            );
        }
    }

    #[test]
    fn the_older_word_order_works_and_asks_for_the_older_forms() {
        for line in [
            "ocm componentversions get tree//acme.org/mid",
            "cv get tree//acme.org/mid",
            "components get tree//acme.org/mid",
        ] {
            let (arguments, dialect) = read(line);
            let Some(Verb::Get(get)) = arguments.command else { panic!("not get: {line}") };
            let Some(GetKind::ComponentVersion(get)) = get.kind else { panic!("no kind: {line}") };
            assert_eq!((get.references[0].as_str(), dialect), ("tree//acme.org/mid", Dialect::V1), "{line}");
        }
        let (arguments, _) = read("resources get tree//acme.org/mid note");
        assert!(matches!(arguments.command, Some(Verb::Get(get)) if matches!(get.kind, Some(GetKind::Resources(_)))));
    }

    #[test]
    fn flags_of_the_older_program_ask_for_its_forms_unless_told_otherwise() {
        assert_eq!(read("get cv ctf -o json").1, Dialect::V2);
        assert_eq!(read("get cv --repo ctf acme.org/a -o json").1, Dialect::V1);
        assert_eq!(read("get cv ctf -o wide").1, Dialect::V1);
        assert_eq!(read("get cv --repo ctf acme.org/a --compat v2").1, Dialect::V2);
        assert_eq!(read("--compat v1 get cv ctf").1, Dialect::V1);
        assert_eq!(read("get cv ctf//acme.org/a --latest --recursive").1, Dialect::V2);
        assert_eq!(read("get cv ctf -S v2").1, Dialect::V1);
        assert_eq!(read("get componentversions -o yaml ctf").1, Dialect::V1);
        assert_eq!(read("get component-versions -o yaml ctf").1, Dialect::V2);
        assert_eq!(read("add componentversions -c c.yaml -r ctf").1, Dialect::V2);
        assert_eq!(read("transfer cv -V a b").1, Dialect::V1);
        assert_eq!(read("transfer cv a +b").1, Dialect::V1);
        assert_eq!(read("-X keeplocalblob=true transfer cv a b").1, Dialect::V1);
        assert_eq!(read("transfer cv a b").1, Dialect::V2);
        assert_eq!(read("transfer cv -r --copy-resources --upload-as localBlob a b").1, Dialect::V2);
        assert_eq!(read("transfer ctf a b").1, Dialect::V1);
        assert_eq!(read("check cv ctf --resources local -o json").1, Dialect::V2);
        assert_eq!(read("check cv ctf -R").1, Dialect::V1);
        assert_eq!(read("check cv ctf --fail-on-error").1, Dialect::V1);
    }

    #[test]
    fn recursion_is_all_or_nothing() {
        let recursive = |line: &str| {
            parse(line.split(' ').map(str::to_owned).collect(), None).map(|(arguments, _)| match arguments.command {
                Some(Verb::Get(get)) => match get.kind {
                    Some(GetKind::ComponentVersion(get)) => get.recursive,
                    _ => panic!("{line}"),
                },
                _ => panic!("{line}"),
            })
        };
        assert!(recursive("get cv a --recursive").unwrap());
        assert!(recursive("get cv a --recursive=-1").unwrap());
        assert!(recursive("get cv -r a").unwrap());
        assert!(!recursive("get cv a --recursive=0").unwrap());
        assert!(recursive("get cv a --recursive=2").is_err());
        assert!(recursive("get cv a --recursive=-2").is_err());
    }
}
