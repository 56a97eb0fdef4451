//! Names that were probably meant.

/// The word of `known` that was probably meant by `word`, if one is near enough.
pub fn near_miss<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Letters that make a part of a word count as the word: `references` for `componentReferences`.
    const TELLING: usize = 6;
    let word = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            let whole = candidate.to_lowercase();
            let part = word.len() >= TELLING && whole.contains(&word);
            (if part { 1 } else { distance(&word, &whole) }, candidate)
        })
        // What has no letter in common is not near, however short it is.
        .filter(|(distance, candidate)| {
            *distance <= 1.max(candidate.len() / 3) && *distance < candidate.chars().count().min(word.chars().count())
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Number of characters to insert, remove or replace (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, from) in left.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, to) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["mediaType", "path", "compress"];
        assert_eq!(near_miss("mediatype", known), Some("mediaType"));
        assert_eq!(near_miss("pth", known), Some("path"));
        assert_eq!(near_miss("references", ["componentReferences", "resources"]), Some("componentReferences"));
        assert_eq!(near_miss("colour", known), None);
        assert_eq!(near_miss("x", known), None);
        for word in ["X", "AB"] {
            assert_eq!(near_miss(word, ["_", "c", "XY_"]), None);
        }
    }
}
