//! Flags of the older programs that have no effect here: what to do in their place. None is taken without a word.

/// What replaces a flag (`--uploader`, `-x`) of a command (`ocm transfer ctf`).
pub(super) fn replacement(command: &str, flag: &str) -> Option<&'static str> {
    let path = command.strip_prefix("ocm").unwrap_or(command).trim_start();
    let is_below =
        |group: &&str| path.strip_prefix(*group).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    let found = FLAGS
        .iter()
        .find(|(groups, flags, _)| (groups.is_empty() || groups.iter().any(is_below)) && flags.contains(&flag));
    found.map(|(_, _, advice)| *advice)
}

/// What does the work of a command that neither program has, but texts about them name.
pub(super) fn elsewhere(command: &str, word: &str) -> Option<&'static str> {
    ((command, word) == ("ocm", "validate")).then_some(
        "ocm add component-version --dry-run --constructor FILE checks a constructor file and writes nothing",
    )
}

/// What replaces a command of the older program that does not exist below `command`.
pub(super) fn command(command: &str, word: &str) -> Option<&'static str> {
    let found = COMMANDS.iter().find(|(above, names, _)| *above == command && names.contains(&word));
    found.map(|(_, _, advice)| *advice)
}

/// The command above, names, and what to do.
const COMMANDS: [(&str, &[&str], &str); 2] = [
    (
        "ocm create",
        &["componentarchive", "comparch", "ca"],
        "write a constructor file, and build it with: ocm add component-version",
    ),
    (
        "ocm add",
        &["resources", "resource", "res", "r", "sources", "source", "src", "s", "references", "reference", "refs"],
        "write it into a constructor file, and build that with: ocm add component-version",
    ),
];

/// Commands, with those below them (none for all), spellings, and what to do. The first one that fits counts.
type Flag = (&'static [&'static str], &'static [&'static str], &'static str);

const FLAGS: [Flag; 31] = [
    (&["add"], &["-S", "--scheme"], "leave it out: descriptors are written in form v2, which every program reads"),
    (
        &["add"],
        &["-V", "--copy-resources", "-L", "--copy-local-resources"],
        "add first, then copy with: ocm transfer component-version --recursive --copy-resources",
    ),
    (
        &["add"],
        &["-P", "--preserve-signature"],
        "leave it out: an existing version is only replaced with --replace, and its signatures would not fit the new one",
    ),
    (
        &["add", "transfer"],
        &["--uploader"],
        "images stay with the component version; ocm transfer --upload-as ociArtifact stores them under their own names",
    ),
    (
        &["get credentials"],
        &["-m", "--matcher", "-s", "--sloppy"],
        "leave it out: there is one way to find credentials",
    ),
    (&["get config"], &["-O", "--outfile"], "redirect the standard output: >FILE"),
    (
        &["get", "list", "hash", "check"],
        &["-s", "--sort"],
        "rows are sorted by name and version; pipe them through sort for another order",
    ),
    (&["hash"], &["-S", "--scheme"], "leave it out: --normalisation alone decides what is hashed"),
    (&["list"], &["-S", "--scheme"], "leave it out: names and versions look the same in every form of the descriptor"),
    (
        &["transfer"],
        &["-E", "--stop-on-existing"],
        "leave it out: versions that the target has are skipped, and what they refer to is checked",
    ),
    (
        &["transfer"],
        &["--script", "-s", "--scriptFile"],
        "plan with --dry-run, edit the document, and carry it out with --transfer-spec",
    ),
    (&["download"], &["--downloader"], "use --download-handlers for charts; other content is written as it is stored"),
    (&["download"], &["-x", "--executable"], "name the platform: --identity name=NAME,os=linux,architecture=amd64"),
    (
        &["download"],
        &["--check-verified", "--verified"],
        "leave it out: digests are always checked; there is no store of verified versions",
    ),
    (&["download artifact"], &["--repo"], "write the whole reference: HOST/PATH:TAG"),
    (&["verify"], &["--check-verified", "--verified"], "leave it out: there is no store of verified versions"),
    (&["download"], &["--layers"], "download the whole artifact and take the layers out of its blobs folder"),
    (&["download"], &["--dirtree"], "leave it out: without --type the artifact becomes a folder"),
    (&["sign"], &["--update"], "leave it out: missing digests are always written"),
    (
        &["sign hash"],
        &["--tsa", "--tsa-url"],
        "give it to ocm sign component-version: a signature alone has no place for a timestamp",
    ),
    (&["add"], &["--blob-cache-directory"], "leave it out: content is read where it lies, and nothing is cached"),
    (&["add", "get"], &["--display-mode"], "leave it out: progress is only shown on terminals, apart from the result"),
    (
        &[],
        &["-X", "--attribute"],
        "only transfer takes attributes: keeplocalblob=true and preferrelativeaccess=true; for others see --upload-as and --upload-name",
    ),
    (
        &[],
        &["-k", "--public-key", "-K", "--private-key", "-I", "--issuer", "--ca-cert"],
        "give it to a command that needs keys: sign, verify, download or transfer",
    ),
    (&[], &["--config-set"], "put the settings of the set into a file of their own and give it with --config"),
    (&[], &["-C", "--cred"], "put the credentials into the Docker configuration"),
    (&[], &["-l"], "write it out: --loglevel"),
    (&[], &["-L", "--logfile"], "redirect the standard error: 2>FILE"),
    (&[], &["--logconfig", "--logkeys"], "use --loglevel"),
    (&[], &["--logJson"], "use --logformat json"),
    (&[], &["-v"], "use --loglevel debug"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_letter_means_something_else_elsewhere() {
        assert!(replacement("ocm transfer ctf", "-s").is_some_and(|advice| advice.contains("--transfer-spec")));
        assert!(replacement("ocm get component-version", "-s").is_some_and(|advice| advice.contains("sort")));
        assert!(replacement("ocm", "-X").is_some());
        assert!(replacement("ocm get credentials", "-s").is_some_and(|advice| !advice.contains("sort")));
        assert_eq!(replacement("ocm serve", "-E"), None);
    }
}
