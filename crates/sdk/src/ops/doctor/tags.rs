//! Lists of tags: how many there are, on how many pages, and whether the pages end.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ocm_http::{Method, Request, StatusCode};
use ocm_oci::Inquiry;
use serde_json::Value;

use super::Outcome;
use super::examination::{Examination, soon};
use crate::{Error, Kind, Result};

/// Largest page that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// Tags that are asked for at once where they are counted.
const PAGE: usize = 1000;

/// Time that counting may take.
const COUNTING: Duration = Duration::from_secs(5);

/// Pages that are read where only their end is looked for.
const PAGES: usize = 1000;

/// A list as it was read.
pub(super) struct List {
    pub(super) tags: BTreeSet<String>,
    pages: usize,
    /// Entries of the largest page.
    largest: usize,
    /// Why it is not known to end.
    problem: Option<String>,
    /// There was not enough time for all of it.
    is_cut: bool,
}

impl Examination {
    /// Counts the tags and looks at the end of their list; `None` if there is no such repository.
    pub(super) async fn list(&self, size: usize) -> Result<Option<List>> {
        let begin = Instant::now();
        let mut list = List { tags: BTreeSet::new(), pages: 0, largest: 0, problem: None, is_cut: false };
        let mut next = Some(self.remote.address_of(&format!("tags/list?n={size}"))?);
        let mut seen = BTreeSet::new();
        while let Some(url) = next.take() {
            if !seen.insert(url.to_string()) {
                list.problem = Some("the list leads back to a page that was already read: it does not end".into());
                break;
            }
            if list.pages == PAGES || begin.elapsed() > COUNTING {
                list.is_cut = true;
                break;
            }
            let response = soon(self.remote.ask(Request::new(Method::GET, url), Inquiry::Pull)).await?;
            let status = response.status();
            if list.pages == 0 && status == StatusCode::NOT_FOUND {
                return Ok(None);
            }
            if status != StatusCode::OK {
                let kind = if status == StatusCode::FORBIDDEN { Kind::Denied } else { Kind::Unavailable };
                let which = list.pages + 1;
                let reason =
                    format!("{}: page {which} of the tags cannot be read (status {status})", self.remote.name());
                return Err(Error::new(kind, reason));
            }
            match self.remote.next_page(&response) {
                Ok(following) => next = following,
                Err(error) => list.problem = Some(error.to_string()),
            }
            let bytes =
                soon(async { response.bytes(LARGEST).await.map_err(|error| Error::new(Kind::Unavailable, error)) });
            let page: Value = serde_json::from_slice(&bytes.await?)
                .map_err(|error| Error::new(Kind::Unavailable, format!("the list of tags is no JSON: {error}")))?;
            let names: Vec<&str> = page["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let before = list.tags.len();
            list.tags.extend(names.iter().map(|name| (*name).to_owned()));
            list.pages += 1;
            list.largest = list.largest.max(names.len());
            if next.is_some() && !names.is_empty() && list.tags.len() == before {
                list.problem = Some(format!("page {} has the tags of earlier ones again: it does not end", list.pages));
                break;
            }
        }
        Ok(Some(list))
    }

    /// Reads the tags, and says how their list is; gives one tag. `None` if there is nothing to look into.
    pub(super) async fn tags(&mut self) -> Option<List> {
        let begin = Instant::now();
        let listed = match self.list(PAGE).await {
            Ok(Some(listed)) => listed,
            Ok(None) => {
                self.note("read", begin, Outcome::Ok, format!("{} does not exist yet", self.remote.name()));
                self.note("tags", begin, Outcome::Skipped, "there is nothing to list");
                return None;
            }
            Err(error) => {
                self.fail("read", begin, error);
                return None;
            }
        };
        self.note("read", begin, Outcome::Ok, format!("{} can be listed", self.remote.name()));
        let begin = Instant::now();
        let counted = match listed.tags.len() {
            1 => "one tag".to_owned(),
            number => format!("{number} tags"),
        };
        let (outcome, finding) = match (&listed.problem, listed.pages) {
            (Some(problem), _) => (Outcome::Warning, format!("{counted} so far, and {problem}")),
            (None, pages) if listed.is_cut => {
                let seconds = COUNTING.as_secs();
                (Outcome::Ok, format!("more than {counted}: {pages} pages were read within {seconds} s"))
            }
            (None, 1) if listed.tags.len() > 1 => self.halves(&counted, &listed).await,
            (None, 1) => (Outcome::Ok, format!("{counted} on one page")),
            (None, pages) => {
                let size = listed.largest;
                (Outcome::Ok, format!("{counted} on {pages} pages of up to {size}, the last of which ends the list"))
            }
        };
        self.note("tags", begin, outcome, finding);
        Some(listed)
    }

    /// A list that fits on one page, on two: whether pages end.
    async fn halves(&self, counted: &str, whole: &List) -> (Outcome, String) {
        let size = whole.tags.len().div_ceil(2);
        let halves = match self.list(size).await {
            Ok(Some(halves)) => halves,
            Ok(None) => return (Outcome::Warning, format!("{counted}; pages of {size} do not exist")),
            Err(error) => return (Outcome::Warning, format!("{counted}; in pages of {size}: {error}")),
        };
        if let Some(problem) = halves.problem {
            return (Outcome::Warning, format!("{counted}; in pages of {size}: {problem}"));
        }
        if halves.tags.is_subset(&whole.tags) && halves.tags.len() < whole.tags.len() && !halves.is_cut {
            let (there, pages) = (halves.tags.len(), halves.pages);
            let finding =
                format!("{counted}, but only {there} in pages of {size}: the list ends after {pages} of them");
            return (Outcome::Warning, finding);
        }
        if halves.largest > size {
            let finding = format!("{counted} on one page: page sizes are ignored, {size} were asked for");
            return (Outcome::Ok, finding);
        }
        (Outcome::Ok, format!("{counted} on one page; in pages of {size} there are {}, and they end", halves.pages))
    }
}
