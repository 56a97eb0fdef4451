//! Flags of the older program that have no effect here: what to do in their place. None is taken without a word.

/// What replaces a flag (`--uploader`, `-x`) of a command (`ocm transfer ctf`).
pub(super) fn replacement(command: &str, flag: &str) -> Option<&'static str> {
    let verb = command.split(' ').nth(1).unwrap_or_default();
    let found =
        FLAGS.iter().find(|(verbs, flags, _)| (verbs.is_empty() || verbs.contains(&verb)) && flags.contains(&flag));
    found.map(|(_, _, advice)| *advice)
}

/// Verbs (none for all of them), spellings, and what to do.
type Flag = (&'static [&'static str], &'static [&'static str], &'static str);

const FLAGS: [Flag; 22] = [
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
        &["get", "list"],
        &["-s", "--sort"],
        "rows are sorted by name and version; pipe them through sort for another order",
    ),
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
    (&["download"], &["--layers"], "download the whole artifact and take the layers out of its blobs folder"),
    (&["download"], &["--dirtree"], "leave it out: without --type the artifact becomes a folder"),
    (
        &["sign"],
        &["--tsa", "--tsa-url", "--update"],
        "leave it out: timestamps are not requested by this version, and missing digests are always written",
    ),
    (
        &[],
        &["-X", "--attribute"],
        "leave it out: what keeplocalblob=true asked for is what happens, others have no effect",
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
        assert_eq!(replacement("ocm serve", "-E"), None);
    }
}
