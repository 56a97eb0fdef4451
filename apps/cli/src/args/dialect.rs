use clap::Command;

use super::lexed::Lexed;

/// Whose words a command line uses, and so whose forms its reader expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The current program.
    #[default]
    V2,
    /// The older program.
    V1,
}

/// What the older program calls component versions in all it says; the current one says `cv` and `component-version`.
const OLDER_KIND: &str = "componentversions";

/// Flags of `get component-version` that only the older program has: whoever writes them reads its forms.
const OLDER_GET: [&str; 7] = ["--repo", "--lookup", "--constraints", "-c", "-r", "--scheme", "-S"];
/// Output forms that only the older program has.
const OLDER_FORMS: [&str; 3] = ["wide", "treewide", "JSON"];
/// Flags of `add component-version` that only the older program has.
const OLDER_ADD: [&str; 10] =
    ["--file", "-F", "--create", "--force", "-f", "--templater", "--settings", "-s", "--addenv", "-O"];

/// Flags of `check component-version` that only the older program has.
const OLDER_CHECK: [&str; 6] = ["--repo", "--local-resources", "-R", "--local-sources", "-S", "--fail-on-error"];

/// Flags of `transfer component-version` that only the older program has.
const OLDER_TRANSFER: [&str; 14] = [
    "--repo",
    "--lookup",
    "--constraints",
    "-c",
    "-f",
    "-V",
    "-L",
    "-N",
    "-B",
    "-t",
    "--enforce",
    "--no-update",
    "--bom-file",
    "--disable-uploads",
];

/// Flags of `sign` and `verify` that only the older program has.
const OLDER_TRUST: [&str; 19] = [
    "-s",
    "-K",
    "-k",
    "-S",
    "-N",
    "-H",
    "-R",
    "-I",
    "-L",
    "-V",
    "--private-key",
    "--public-key",
    "--publicKey",
    "--ca-cert",
    "--keyless",
    "--algorithm",
    "--normalization",
    "--local",
    "--repo",
];

/// The dialect of a command line, as far as its words tell.
pub(super) fn of(lexed: &Lexed, argv: &[String]) -> Dialect {
    let path: Vec<&str> = lexed.path.iter().map(String::as_str).collect();
    let is_older = match path.as_slice() {
        ["add", "component-version"] => !lexed.words.is_empty() || lexed.has_any(&OLDER_ADD),
        [_, "component-version"] if lexed.spelt.get(1).is_some_and(|kind| kind == OLDER_KIND) => true,
        ["get", "component-version"] => {
            lexed.has_any(&OLDER_GET) || lexed.values(&["-o", "--output"]).any(|form| OLDER_FORMS.contains(&form))
        }
        // The current program has none of these.
        ["get", "resources" | "sources" | "references" | "artifacts"]
        | ["list" | "hash" | "create" | "show", _]
        | ["transfer", "ctf" | "componentarchive" | "artifact"]
        | ["sign", "hash"] => true,
        ["transfer", "component-version"] => {
            let target = lexed.words.last().and_then(|position| argv.get(*position));
            lexed.has_any(&OLDER_TRANSFER) || target.is_some_and(|target| target.starts_with('+'))
        }
        ["check", "component-version"] => {
            lexed.has_any(&OLDER_CHECK) || lexed.values(&["-o", "--output"]).any(|form| OLDER_FORMS.contains(&form))
        }
        ["sign" | "verify", "component-version"] => lexed.has_any(&OLDER_TRUST),
        ["download", _] => lexed.has_any(&["--repo"]),
        _ => false,
    };
    if is_older { Dialect::V1 } else { Dialect::V2 }
}

/// Turns the word order `<kind> <verb>` of the older program, also with its area name `ocm` in front, into `<verb> <kind>`.
///
/// Returns whether it did.
pub(super) fn verb_first(words: &[usize], argv: &mut Vec<String>, root: &Command) -> bool {
    let word = |position: usize| words.get(position).and_then(|index| argv.get(*index));
    let area = usize::from(word(0).is_some_and(|word| word == "ocm"));
    let (Some(kind), Some(verb)) = (words.get(area), words.get(area + 1)) else { return false };
    let is_swapped = argv.get(*kind).is_some_and(|kind| root.find_subcommand(kind).is_none())
        && root.find_subcommand(&argv[*verb]).is_some_and(|verb| verb.find_subcommand(&argv[*kind]).is_some());
    if is_swapped {
        argv.swap(*kind, *verb);
    }
    if area == 1 {
        argv.remove(words[0]);
    }
    is_swapped || area == 1
}

/// Whether `-c` of `add` cannot be the constructor flag of the current program: nothing that could be a file follows, or it
/// stands among other letters (`-fcF archive`).
pub(super) fn is_older_create(token: &str, next: Option<&str>) -> bool {
    let Some(letters) = token.strip_prefix('-').filter(|letters| !letters.starts_with('-')) else { return false };
    match letters.split_once('c') {
        Some(("", "")) => next.is_none_or(|next| next.starts_with('-')),
        Some(("", rest)) => rest.chars().all(|letter| "fFtsRCVLO".contains(letter)),
        Some((before, _)) => before.chars().all(|letter| "fRCVL".contains(letter)),
        None => false,
    }
}

/// Spells the letter `c` of a cluster out: `-fcF` becomes `--create -fF`.
pub(super) fn spell_create(token: &str) -> Vec<String> {
    let rest = token.replacen('c', "", 1);
    if rest == "-" { vec!["--create".into()] } else { vec!["--create".into(), rest] }
}
