use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ocm_blob::Digest;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// The rows of `artifact-index.json`, by repository.
///
/// A row of the file says that a manifest exists, under a tag or without one. Kept apart here, manifests and tags obey
/// the rules of the format by themselves: a tag exists once, moving it leaves its old manifest behind without a tag, and
/// the same row cannot occur twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    repositories: BTreeMap<String, Rows>,
}

/// Manifests and tags of one repository. Most have one of each, so there are no trees here, whose smallest is large.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    tags: HashMap<String, Digest>,
    manifests: HashMap<Digest, Row>,
}

/// What the index knows of a manifest.
#[derive(Clone, Debug)]
struct Row {
    /// Absent in archives of the older program up to 0.20; the blob tells then.
    media_type: Option<String>,
    /// How many tags point here; without one, the manifest has a row of its own.
    tags: usize,
}

/// A change of the index that can be applied to whatever the file holds by then.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// A manifest was stored, under a tag or not.
    Put { repository: String, tag: Option<String>, digest: Digest, media_type: Option<String> },
    /// A tag was removed; its manifest stays.
    RemoveTag { repository: String, tag: String },
    /// A manifest was removed with all its tags.
    RemoveManifest { repository: String, digest: Digest },
}

/// The file as it is read: unknown members are ignored, the lists may be `null`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileRead {
    schema_version: u64,
    #[serde(default)]
    artifacts: Option<Index>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowRead<'a> {
    #[serde(borrow)]
    repository: Cow<'a, str>,
    #[serde(borrow, default)]
    tag: Option<Cow<'a, str>>,
    digest: Digest,
    #[serde(borrow, default)]
    media_type: Option<Cow<'a, str>>,
}

/// The file as it is written: four members and no more, since the reader of the Go program refuses any other.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileWritten<'a> {
    schema_version: u64,
    artifacts: Option<Vec<RowWritten<'a>>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowWritten<'a> {
    repository: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<&'a str>,
    digest: &'a Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<&'a str>,
}

impl Index {
    /// Reads the file; no bytes at all are an empty index. The error is a reason without a subject.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let file: FileRead = serde_json::from_slice(bytes).map_err(|error| format!("is not a valid index: {error}"))?;
        if file.schema_version != 1 {
            return Err(format!("has schema version {}, only 1 is known", file.schema_version));
        }
        Ok(file.artifacts.unwrap_or_default())
    }

    /// Takes in a row of the file. The error is a reason without a subject.
    fn take_in(&mut self, row: RowRead<'_>) -> Result<(), String> {
        let RowRead { repository, tag, digest, media_type } = row;
        if repository.is_empty() {
            // Nobody would ever find it, so it would be lost without a word.
            return Err(format!("the row of {digest} names no repository"));
        }
        let tag = tag.as_deref().filter(|tag| !tag.is_empty());
        let media_type = media_type.as_deref().filter(|media_type| !media_type.is_empty());
        let rows = self.rows(&repository);
        // One program would take the first row and another the last, and they would see different content.
        if let Some(tag) = tag
            && rows.tags.get(tag).is_some_and(|known| *known != digest)
        {
            return Err(format!("two rows with different digests for tag {tag:?} of repository {repository:?}"));
        }
        if let (Some(known), Some(other)) = (rows.media_type(&digest), media_type)
            && known != other
        {
            return Err(format!("two rows with different media types for {digest} of repository {repository:?}"));
        }
        rows.put(tag, digest, media_type);
        Ok(())
    }

    /// The file's bytes: compact, sorted by repository and tag, rows without a tag first.
    pub(crate) fn write(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut artifacts = Vec::new();
        for (repository, rows) in &self.repositories {
            let mut untagged: Vec<_> = rows.manifests.iter().filter(|(_, row)| row.tags == 0).collect();
            untagged.sort_unstable_by_key(|(digest, _)| *digest);
            artifacts.extend(untagged.into_iter().map(|(digest, row)| RowWritten {
                repository,
                tag: None,
                digest,
                media_type: row.media_type.as_deref(),
            }));
            artifacts.extend(rows.tags().into_iter().map(|(tag, digest)| RowWritten {
                repository,
                tag: Some(tag),
                digest,
                media_type: rows.media_type(digest),
            }));
        }
        serde_json::to_vec(&FileWritten { schema_version: 1, artifacts: (!artifacts.is_empty()).then_some(artifacts) })
    }

    /// Applies a change that was made elsewhere or earlier.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Put { repository, tag, digest, media_type } => {
                self.rows(repository).put(tag.as_deref(), digest.clone(), media_type.as_deref());
            }
            Change::RemoveTag { repository, tag } => {
                if let Some(rows) = self.repositories.get_mut(repository) {
                    rows.remove_tag(tag);
                }
            }
            Change::RemoveManifest { repository, digest } => {
                if let Some(rows) = self.repositories.get_mut(repository) {
                    rows.tags.retain(|_, tagged| tagged != digest);
                    rows.manifests.remove(digest);
                    if rows.manifests.is_empty() {
                        self.repositories.remove(repository);
                    }
                }
            }
        }
    }

    /// Names of the repositories, in lexical order.
    pub(crate) fn repositories(&self) -> impl Iterator<Item = &str> {
        self.repositories.keys().map(String::as_str)
    }

    /// The rows of a repository.
    pub(crate) fn repository(&self, name: &str) -> Option<&Rows> {
        self.repositories.get(name)
    }

    /// Whether any row names this manifest.
    pub(crate) fn names(&self, digest: &Digest) -> bool {
        self.repositories.values().any(|rows| rows.manifests.contains_key(digest))
    }

    fn rows(&mut self, repository: &str) -> &mut Rows {
        if !self.repositories.contains_key(repository) {
            self.repositories.insert(repository.to_owned(), Rows::default());
        }
        self.repositories.entry(repository.to_owned()).or_default()
    }
}

/// The rows one by one: a list of all of them would take as much memory again as the index does.
impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Index;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of artifacts")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Index, A::Error> {
                let mut index = Index::default();
                while let Some(row) = rows.next_element::<RowRead<'de>>()? {
                    index.take_in(row).map_err(A::Error::custom)?;
                }
                Ok(index)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

impl Rows {
    /// The manifest a tag points to.
    pub(crate) fn tagged(&self, tag: &str) -> Option<&Digest> {
        self.tags.get(tag)
    }

    /// Whether there is such a manifest.
    pub(crate) fn contains(&self, digest: &Digest) -> bool {
        self.manifests.contains_key(digest)
    }

    /// The media type of a manifest, if the index knows it.
    pub(crate) fn media_type(&self, digest: &Digest) -> Option<&str> {
        self.manifests.get(digest)?.media_type.as_deref()
    }

    /// All tags with what they point to, in lexical order.
    pub(crate) fn tags(&self) -> Vec<(&str, &Digest)> {
        let mut tags: Vec<_> = self.tags.iter().map(|(tag, digest)| (tag.as_str(), digest)).collect();
        tags.sort_unstable();
        tags
    }

    /// All manifests in no particular order.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = &Digest> {
        self.manifests.keys()
    }

    fn put(&mut self, tag: Option<&str>, digest: Digest, media_type: Option<&str>) {
        let row = self.manifests.entry(digest.clone()).or_insert_with(|| Row { media_type: None, tags: 0 });
        if row.media_type.is_none() {
            row.media_type = media_type.map(str::to_owned);
        }
        if let Some(tag) = tag
            && self.tags.get(tag) != Some(&digest)
        {
            row.tags += 1;
            if let Some(old) = self.tags.insert(tag.to_owned(), digest)
                && let Some(row) = self.manifests.get_mut(&old)
            {
                row.tags -= 1;
            }
        }
    }

    fn remove_tag(&mut self, tag: &str) {
        if let Some(digest) = self.tags.remove(tag)
            && let Some(row) = self.manifests.get_mut(&digest)
        {
            row.tags -= 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn put(repository: &str, tag: Option<&str>, content: &str) -> Change {
        Change::Put {
            repository: repository.into(),
            tag: tag.map(str::to_owned),
            digest: Digest::of(content),
            media_type: Some("m".into()),
        }
    }

    fn text(index: &Index) -> String {
        String::from_utf8(index.write().unwrap()).unwrap()
    }

    #[test]
    fn an_empty_index_is_null() {
        assert_eq!(text(&Index::parse(b"").unwrap()), r#"{"schemaVersion":1,"artifacts":null}"#);
        assert_eq!(text(&Index::parse(br#"{"schemaVersion":1,"artifacts":null,"x":1}"#).unwrap()).len(), 36);
        assert!(Index::parse(br#"{"schemaVersion":2}"#).unwrap_err().contains("schema version 2"));
        assert!(Index::parse(b"[]").is_err());
    }

    #[test]
    fn a_moved_tag_leaves_a_row_without_tag() {
        let mut index = Index::default();
        for change in
            [put("b", Some("1"), "x"), put("a", None, "y"), put("b", Some("1"), "y"), put("a", Some("t"), "y")]
        {
            index.apply(&change);
        }
        let (x, y) = (Digest::of("x"), Digest::of("y"));
        let expected = format!(
            r#"{{"schemaVersion":1,"artifacts":[{{"repository":"a","tag":"t","digest":"{y}","mediaType":"m"}},{{"repository":"b","digest":"{x}","mediaType":"m"}},{{"repository":"b","tag":"1","digest":"{y}","mediaType":"m"}}]}}"#
        );
        assert_eq!(text(&index), expected);
        assert_eq!(text(&Index::parse(expected.as_bytes()).unwrap()), expected);
        index.apply(&Change::RemoveManifest { repository: "b".into(), digest: y });
        index.apply(&Change::RemoveTag { repository: "a".into(), tag: "t".into() });
        assert!(!text(&index).contains("tag"));
    }

    #[test]
    fn a_tag_with_two_meanings_is_refused() {
        let (x, y) = (Digest::of("x"), Digest::of("y"));
        let rows = format!(
            r#"{{"schemaVersion":1,"artifacts":[{{"repository":"a","tag":"t","digest":"{x}"}},{{"repository":"a","tag":"t","digest":"{y}"}}]}}"#
        );
        assert!(Index::parse(rows.as_bytes()).unwrap_err().contains("two rows"));
        let same = rows.replace(&y.to_string(), &x.to_string());
        assert!(Index::parse(same.as_bytes()).is_ok());
        let types = same.replacen("\"}", "\",\"mediaType\":\"m\"}", 1);
        assert!(Index::parse(types.as_bytes()).is_ok());
        let types = types.replace("\"}]", "\",\"mediaType\":\"n\"}]");
        assert!(Index::parse(types.as_bytes()).unwrap_err().contains("different media types"));
    }

    #[test]
    fn a_row_that_names_no_repository_is_not_left_out_in_silence() {
        for row in ["", "\"repository\":\"\",", "\"rrepository\":\"a\","] {
            let file =
                format!(r#"{{"schemaVersion":1,"artifacts":[{{{row}"tag":"t","digest":"{}"}}]}}"#, Digest::of("x"));
            assert!(Index::parse(file.as_bytes()).unwrap_err().contains("repository"), "{row}");
        }
    }
}
