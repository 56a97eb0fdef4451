//! Attributes of the older program (`-X name=value` in front of a command) that say how a transfer stores images.

/// Attributes as flags of `transfer` that do what they ask for, and whether there were any. Others stay where they are, and are
/// refused there.
pub(super) fn as_flags(argv: Vec<String>) -> (Vec<String>, bool) {
    let Some(verb) = argv.iter().position(|word| word == "transfer") else { return (argv, false) };
    let (front, behind) = argv.split_at(verb);
    let (mut kept, mut flags) = (Vec::new(), Vec::new());
    let mut words = front.iter();
    while let Some(word) = words.next() {
        let is_apart = matches!(word.as_str(), "-X" | "--attribute");
        let attribute = if is_apart {
            words.as_slice().first().map(String::as_str)
        } else {
            word.strip_prefix("--attribute=").or_else(|| word.strip_prefix("-X"))
        };
        let Some(found) = attribute.and_then(flags_of) else {
            kept.push(word.clone());
            continue;
        };
        flags.extend(found.iter().map(|flag| (*flag).to_owned()));
        if is_apart {
            words.next();
        }
    }
    if flags.is_empty() {
        return (argv, false);
    }
    // Behind the kind, which is the word after the verb.
    let (head, tail) = behind.split_at(behind.len().min(2));
    ([kept, head.to_vec(), flags, tail.to_vec()].concat(), true)
}

/// The flags for `name=value`. In configurations the name has a prefix.
fn flags_of(attribute: &str) -> Option<&'static [&'static str]> {
    let (name, value) = attribute.split_once('=')?;
    match (name.strip_prefix("ocm.software/ocm/oci/").unwrap_or(name), value) {
        ("keeplocalblob", "true") => Some(&["--upload-as=localBlob"]),
        ("preferrelativeaccess", "true") => Some(&["--upload-as=ociArtifact", "--access-style=relative"]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, bool) {
        let (argv, is_older) = as_flags(line.split(' ').map(str::to_owned).collect());
        (argv.join(" "), is_older)
    }

    #[test]
    fn what_has_an_effect_becomes_the_flag_that_has_it() {
        assert_eq!(
            read("-X preferrelativeaccess=true --loglevel warn transfer ctf -V a b"),
            ("--loglevel warn transfer ctf --upload-as=ociArtifact --access-style=relative -V a b".into(), true)
        );
        assert_eq!(
            read("--attribute=keeplocalblob=true transfer cv a b"),
            ("transfer cv --upload-as=localBlob a b".into(), true)
        );
    }

    #[test]
    fn what_has_none_stays_and_is_refused() {
        for line in [
            "-X compat=true transfer ctf a b",
            "-X keeplocalblob=true get cv a",
            "transfer cv -X keeplocalblob=true a b",
        ] {
            assert_eq!(read(line), (line.into(), false));
        }
    }
}
