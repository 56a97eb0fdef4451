//! Names from descriptors as names of files.

/// A name from a descriptor as the name of one file: names are never paths.
pub(crate) fn file_name(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_control() || "/\\:*?\"<>|%".contains(character) {
            let mut bytes = [0; 4];
            plain.extend(character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")));
        } else {
            plain.push(character);
        }
    }
    if plain.is_empty() || plain.chars().all(|character| character == '.') { format!("%{plain}") } else { plain }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_are_never_paths() {
        assert_eq!(file_name("config-arch=amd64"), "config-arch=amd64");
        assert_eq!(file_name("../../etc/passwd"), "..%2F..%2Fetc%2Fpasswd");
        assert_eq!(file_name(".."), "%..");
        assert_eq!(file_name("a\\b\0"), "a%5Cb%00");
    }
}
