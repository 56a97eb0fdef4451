use std::collections::HashSet;

use ocm_blob::Digest;

use super::read::names;
use super::{Layout, MAIN};
use crate::{Descriptor, Repository as _, Result, media_type};

/// Most candidates that an error lists.
const LISTED: usize = 10;

impl Layout {
    /// The one image or artifact that this layout is about.
    ///
    /// That is the manifest which the annotation `software.ocm/main` names; else the only row; else the only row that
    /// nothing else in the layout contains or is the subject of; else the only row with a name.
    ///
    /// # Errors
    /// Lists the candidates if there is more than one. Two names for the same manifest are two candidates: which of them
    /// is meant is not for the reader to say.
    pub async fn top_level(&self) -> Result<Descriptor> {
        let mut rows: Vec<&Descriptor> = Vec::new();
        for row in &self.index().manifests {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        if let Some(main) = self.index().annotations.as_ref().and_then(|annotations| annotations.get(MAIN)) {
            let digest: Digest = main.parse().map_err(|error| self.invalid(format!("annotation {MAIN}: {error}")))?;
            let row = rows.iter().find(|row| row.digest == digest);
            return match row {
                Some(row) => Ok((*row).clone()),
                None => Err(self.invalid(format!("annotation {MAIN} names {digest}, which is not in the index"))),
            };
        }
        if rows.len() > 1 {
            let below = self.below(&rows).await?;
            let top: Vec<_> = rows.iter().copied().filter(|row| !below.contains(&row.digest)).collect();
            let named = |rows: &[&Descriptor]| rows.iter().filter(|row| names(row).next().is_some()).count();
            rows = match top.len() {
                0 => rows,
                1 => top,
                _ if named(&top) == 1 => top.into_iter().filter(|row| names(row).next().is_some()).collect(),
                _ => top,
            };
        }
        match rows.as_slice() {
            [] => Err(self.invalid("the layout is empty: its index lists no manifest")),
            [row] => Ok((*row).clone()),
            several => Err(self.invalid(format!(
                "the layout holds {} images, and none of them is the only one at the top or with a name: {}",
                several.len(),
                list(several)
            ))),
        }
    }

    /// Digests of manifests that other rows contain, and of those that say something about another row.
    async fn below(&self, rows: &[&Descriptor]) -> Result<HashSet<Digest>> {
        let own: HashSet<&Digest> = rows.iter().map(|row| &row.digest).collect();
        let mut below = HashSet::new();
        for row in rows.iter().filter(|row| media_type::is_manifest(&row.media_type)) {
            let document = self.manifest(&row.digest.clone().into()).await?.document()?;
            below.extend(document.manifests().iter().map(|child| child.digest.clone()));
            if document.subject().is_some_and(|subject| own.contains(&subject.digest)) {
                below.insert(row.digest.clone());
            }
        }
        Ok(below)
    }
}

fn list(rows: &[&Descriptor]) -> String {
    let shown = |row: &&Descriptor| match names(row).next() {
        Some(name) => format!("{} ({name})", row.digest),
        None => row.digest.to_string(),
    };
    let mut listed: Vec<_> = rows.iter().take(LISTED).map(shown).collect();
    if rows.len() > LISTED {
        listed.push(format!("and {} more", rows.len() - LISTED));
    }
    listed.join(", ")
}
