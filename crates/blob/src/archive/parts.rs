//! Archives in parts: `NAME.001`, `NAME.002`, … which are, one behind the other, the archive `NAME`.
//!
//! The first entry of such an archive is a small file with the digests of the parts. Its room is known before the parts
//! are, so it is filled in last; for its own digest, the first part counts as if the list were blank.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::sequential::Decompressed;
use super::walk::{Kind, Source, Walk};
use crate::pack::{Fields, encode, padding};
use crate::{Algorithm, CHUNK, Digest, Digester, Error, Limits, Result};

/// Name of the entry with the list.
const LIST: &str = "archive-parts.json";

/// Most parts of one archive: with three digits in every name, `cat NAME.*` has them in order.
pub(crate) const MOST_PARTS: u64 = 999;

/// Room for everything in the list that is not about one part, in bytes.
const LIST_BASE: usize = 512;

/// Room for one part in the list, in bytes.
const LIST_ROW: usize = 128;

/// The list of the parts of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    schema_version: u64,
    /// Most bytes of a part: only the last one, and the one in front of content that came first, have less.
    part_size: u64,
    /// Bytes at the start of the archive that are read to get to know it, and their digest, so that this does not take
    /// the check of a whole part. The list counts as blank.
    start: Row,
    /// Digest of `parts` as compact JSON.
    digest: Digest,
    parts: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl List {
    pub(crate) fn new(part_size: u64, start: Row, parts: Vec<Row>) -> Result<Self> {
        Ok(Self { schema_version: 1, part_size, start, digest: digest_of(&parts)?, parts })
    }

    /// The bytes at the start of the first part: the list, as an entry of the tar archive, in a room of a fixed size.
    pub(crate) fn head(list: Option<&Self>, room: usize, compressed: bool) -> Result<Vec<u8>> {
        let mut text =
            list.map(|list| serde_json::to_vec(list).map_err(io::Error::from)).transpose()?.unwrap_or_default();
        if text.len() > room {
            return Err(Error::Archive("the list of parts does not fit into its room".into()));
        }
        text.resize(room, b' ');
        let fields = Fields { name: LIST.into(), size: room as u64, mode: 0o644, ..Fields::default() };
        let mut entry = encode(&fields);
        entry.extend_from_slice(&text);
        entry.resize(entry.len() + padding(room as u64), 0);
        Ok(if compressed { gzip_stored(&entry) } else { entry })
    }

    /// The room that a list of so many parts takes.
    pub(crate) fn room(parts: u64) -> usize {
        LIST_BASE + LIST_ROW * usize::try_from(parts.min(MOST_PARTS)).unwrap_or(usize::MAX)
    }

    /// Reads the list at the start of a file; `None` if the file does not begin with one. The error is a reason.
    fn read(path: &Path) -> Result<Option<(Self, usize, bool)>> {
        let mut magic = Vec::new();
        File::open(path).and_then(|file| file.take(2).read_to_end(&mut magic)).map_err(Error::at(path))?;
        let compressed = crate::is_gzip(&magic);
        let file = File::open(path).map_err(Error::at(path))?;
        let found = if compressed {
            Self::first_entry(Decompressed::new(file, Limits::default()))
        } else {
            Self::first_entry(io::BufReader::new(file))
        };
        // What is no archive is found out by those who read archives.
        let Ok(Some(text)) = found else { return Ok(None) };
        let damaged = |reason: String| Error::Archive(format!("{}: is damaged: {reason}", path.display()));
        let list: Self = serde_json::from_slice(&text)
            .map_err(|error| damaged(format!("its list of the parts is not valid: {error}")))?;
        if list.schema_version != 1 || list.parts.is_empty() {
            return Err(damaged("its list of the parts has an unknown form".into()));
        }
        let actual = digest_of(&list.parts)?;
        if actual != list.digest {
            let expected = &list.digest;
            return Err(damaged(format!("its list of the parts has digest {actual}, but {expected} was expected")));
        }
        Ok(Some((list, text.len(), compressed)))
    }

    /// Whether a file begins with an entry of an archive.
    fn begins_archive(path: &Path) -> bool {
        let Ok(file) = File::open(path) else { return false };
        let first = Walk::new(io::BufReader::new(file)).next().map(|entry| entry.is_some());
        first.unwrap_or_else(|_| {
            let opened = File::open(path).map(|file| Decompressed::new(file, Limits::default()));
            opened.is_ok_and(|source| Walk::new(source).next().is_ok_and(|entry| entry.is_some()))
        })
    }

    fn first_entry<S: Source>(source: S) -> Result<Option<Vec<u8>>> {
        let mut walk = Walk::new(source);
        let Some(first) = walk.next()? else { return Ok(None) };
        let largest = Self::room(MOST_PARTS) as u64;
        if first.name != LIST || first.kind != Kind::File || first.size > largest {
            return Ok(None);
        }
        let mut text = vec![0; first.size as usize];
        walk.read_exact(&mut text).map_err(Error::from_read)?;
        Ok(Some(text))
    }
}

impl Source for io::BufReader<File> {}

fn digest_of(parts: &[Row]) -> Result<Digest> {
    Ok(Digest::of(serde_json::to_vec(parts).map_err(io::Error::from)?))
}

/// One gzip member that holds the content as it is (RFC 1951, 3.2.4), so that its length follows from that of the content.
fn gzip_stored(content: &[u8]) -> Vec<u8> {
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks = content.chunks(usize::from(u16::MAX)).count();
    for (at, block) in content.chunks(usize::from(u16::MAX)).enumerate() {
        let length = block.len() as u16;
        member.push(u8::from(at + 1 == blocks));
        member.extend_from_slice(&length.to_le_bytes());
        member.extend_from_slice(&(!length).to_le_bytes());
        member.extend_from_slice(block);
    }
    let mut sum = flate2::Crc::new();
    sum.update(content);
    member.extend_from_slice(&sum.sum().to_le_bytes());
    member.extend_from_slice(&sum.amount().to_le_bytes());
    member
}

/// An archive in parts, all of which are there.
#[derive(Clone, Debug)]
pub struct Parts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    name: PathBuf,
    list: List,
    /// The start of the first part with a blank list, for which its digest is.
    blank: Vec<u8>,
    compressed: bool,
    /// Which parts were compared with their digests, and behind them whether the start was.
    checked: Vec<Mutex<bool>>,
}

impl Parts {
    /// Most parts of one archive.
    pub const MOST: u64 = MOST_PARTS;

    /// The parts of the archive that `path` names, by the name of the whole or of any of them; `None` if it names something
    /// else.
    ///
    /// # Errors
    /// A part is missing or has another size than it should have; the error names it.
    pub fn find(path: &Path) -> Result<Option<Self>> {
        let Some(name) = Self::name_of(path) else { return Ok(None) };
        let first = Self::part(&name, 1);
        let list = if first.symlink_metadata().is_ok() { List::read(&first)? } else { None };
        let Some((list, room, compressed)) = list else { return Self::without_first(path, &name).map(|()| None) };
        if let Some(number) = number_of(path, &name).filter(|number| *number > list.parts.len() as u64) {
            let reason = format!("is no part {number}: {} has {} parts", name.display(), list.parts.len());
            return Err(Error::at(path)(io::Error::new(io::ErrorKind::NotFound, reason)));
        }
        for (number, row) in (1..).zip(&list.parts) {
            let part = Self::part(&name, number);
            let count = list.parts.len();
            let wrong = |reason: String| {
                Err(Error::Archive(format!("{}: {reason} (part {number} of {count})", part.display())))
            };
            match part.metadata() {
                Ok(metadata) if metadata.len() == row.size => {}
                Ok(metadata) => {
                    let (actual, expected) = (metadata.len(), row.size);
                    return wrong(format!("is damaged: it has {actual} bytes, but {expected} were expected"));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let Row { digest, size } = row;
                    let reason = format!("is missing: part {number} of {count}, {size} bytes with digest {digest}");
                    return Err(Error::at(part)(io::Error::new(io::ErrorKind::NotFound, reason)));
                }
                Err(error) => return Err(Error::at(part)(error)),
            }
        }
        let blank = List::head(None, room, compressed)?;
        let checked = (0..=list.parts.len()).map(|_| Mutex::new(false)).collect();
        Ok(Some(Self(Arc::new(Inner { name, list, blank, compressed, checked }))))
    }

    /// The name of the whole, if `path` looks like the name of an archive in parts or of one of them.
    pub fn name_of(path: &Path) -> Option<PathBuf> {
        if path.symlink_metadata().is_err() && Self::present(path).next().is_some() {
            return Some(path.to_path_buf());
        }
        let name = Self::whole(path).filter(|_| !path.is_dir())?;
        let is_there = Self::present(&name).next().is_some();
        is_there.then_some(name)
    }

    /// What stands in front of the number, if a name ends like that of a part.
    pub fn whole(path: &Path) -> Option<PathBuf> {
        let number = path.extension()?.to_str().filter(|number| number.len() == 3)?;
        number.bytes().all(|byte| byte.is_ascii_digit()).then(|| path.with_extension(""))
    }

    /// The files there are with the names of parts, in order. In a folder that cannot be listed only the first is looked for.
    pub fn present(name: &Path) -> impl Iterator<Item = PathBuf> {
        // One look at the folder: a look for each of the names would be a thousand whenever something is not there.
        let numbers = match std::fs::read_dir(crate::folder_of(name)) {
            Ok(entries) => numbers_of(entries, name),
            Err(_) => vec![1],
        };
        numbers.into_iter().map(|number| Self::part(name, number)).filter(|part| part.is_file())
    }

    /// Decides what files with the names of parts are where the first of them does not list the others: archives by
    /// themselves and unrelated files, or what is left of an archive.
    fn without_first(path: &Path, name: &Path) -> Result<()> {
        let lists = |part: &PathBuf| matches!(List::read(part), Ok(Some(_)));
        let is_whole = |part: &Path| List::begins_archive(part) && !lists(&part.to_path_buf());
        if path == name {
            let pieces = Self::present(name).filter(|part| !is_whole(part)).take(2).count();
            let name = name.to_string_lossy();
            let is_archive = [".tar", ".tgz", ".tar.gz"].iter().any(|ending| name.ends_with(ending));
            // One file with a number beside a name like any other is no sign of an archive.
            if pieces < if is_archive { 1 } else { 2 } {
                return Ok(());
            }
        } else if is_whole(path) {
            // A part may begin where content does, as an archive would; what the next one begins with tells.
            let next = number_of(path, name).map(|number| Self::part(name, number + 1));
            if next.is_none_or(|next| !next.is_file() || is_whole(&next)) {
                return Ok(());
            }
        }
        let first = Self::part(name, 1);
        let lost = "it is the first part of the archive and lists the others";
        let metadata = match first.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let reason = format!("is missing: {lost}");
                return Err(Error::at(first)(io::Error::new(io::ErrorKind::NotFound, reason)));
            }
            Err(error) => return Err(Error::at(first)(error)),
        };
        let reason = match Self::present(name).find(lists) {
            Some(part) => {
                format!("is not the first part, since {} has the list of the parts: exchange them", part.display())
            }
            None if metadata.len() == 0 => format!("is damaged: it is empty, but {lost}"),
            None => format!("is damaged: it does not begin with the list of the parts, but {lost}"),
        };
        Err(Error::Archive(format!("{}: {reason}", first.display())))
    }

    /// The name of a part; the first one is number 1.
    pub fn part(name: &Path, number: u64) -> PathBuf {
        let mut name = name.as_os_str().to_owned();
        name.push(format!(".{number:03}"));
        name.into()
    }

    /// How many parts an archive has according to the first of them.
    pub fn count(first: &Path) -> Result<u64> {
        let missing = || Error::Archive(format!("{}: has no list of parts", first.display()));
        Ok(List::read(first)?.ok_or_else(missing)?.0.parts.len() as u64)
    }

    /// The name of the whole.
    pub fn name(&self) -> &Path {
        &self.0.name
    }

    /// Most bytes of a part.
    pub fn part_size(&self) -> u64 {
        self.0.list.part_size
    }

    /// Whether the whole is compressed with gzip.
    pub fn is_compressed(&self) -> bool {
        self.0.compressed
    }

    /// The files and their sizes.
    pub(crate) fn files(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        (1..).zip(&self.0.list.parts).map(|(number, row)| (Self::part(&self.0.name, number), row.size))
    }

    /// Compares all parts with their digests.
    pub fn verify_all(&self) -> Result<()> {
        self.verify(0, u64::MAX)
    }

    /// Compares the parts that hold these bytes with their digests, each once.
    pub(crate) fn verify(&self, offset: u64, size: u64) -> Result<()> {
        let list = &self.0.list;
        let end = offset.saturating_add(size);
        if end <= list.start.size {
            return self.check(list.parts.len(), || self.verify_start());
        }
        let mut begin = 0;
        for (at, (path, length)) in self.files().enumerate() {
            if begin < end && offset < begin + length {
                self.check(at, || self.verify_part(at, &path))?;
            }
            begin += length;
        }
        Ok(())
    }

    fn check(&self, at: usize, work: impl FnOnce() -> Result<()>) -> Result<()> {
        let Some(checked) = self.0.checked.get(at) else { return Ok(()) };
        let mut checked = checked.lock().unwrap_or_else(PoisonError::into_inner);
        if !*checked {
            work()?;
            *checked = true;
        }
        Ok(())
    }

    fn verify_part(&self, at: usize, path: &Path) -> Result<()> {
        let row = &self.0.list.parts[at];
        let mut digester = Digester::new(row.digest.algorithm());
        let mut file = File::open(path).map_err(Error::at(path))?;
        if at == 0 {
            self.pass_head(&mut file, &mut digester).map_err(Error::at(path))?;
        }
        hash(&mut file, u64::MAX, &mut digester).map_err(Error::at(path))?;
        self.compare(path, at + 1, &row.digest, &digester.finish())
    }

    /// The start may go on over several parts; one that differs is then found by checking them.
    fn verify_start(&self) -> Result<()> {
        let start = &self.0.list.start;
        let mut digester = Digester::new(start.digest.algorithm());
        let mut left = start.size;
        for (at, (path, size)) in self.files().enumerate() {
            let mut file = File::open(&path).map_err(Error::at(&path))?;
            let mut here = size.min(left);
            left -= here;
            if at == 0 {
                self.pass_head(&mut file, &mut digester).map_err(Error::at(&path))?;
                here = here.saturating_sub(self.0.blank.len() as u64);
            }
            hash(&mut file, here, &mut digester).map_err(Error::at(&path))?;
            if left == 0 {
                break;
            }
        }
        if digester.finish() != start.digest {
            let mut left = start.size;
            for (at, (path, size)) in self.files().enumerate() {
                self.verify_part(at, &path)?;
                left = left.saturating_sub(size);
                if left == 0 {
                    break;
                }
            }
            return Err(Error::Archive(format!(
                "{}: its list of parts is damaged",
                Self::part(&self.0.name, 1).display()
            )));
        }
        Ok(())
    }

    /// Takes the head as if it were blank.
    fn pass_head(&self, file: &mut File, digester: &mut Digester) -> io::Result<()> {
        digester.update(&self.0.blank);
        io::Seek::seek(file, io::SeekFrom::Start(self.0.blank.len() as u64)).map(drop)
    }

    fn compare(&self, path: &Path, number: usize, expected: &Digest, actual: &Digest) -> Result<()> {
        if actual == expected {
            return Ok(());
        }
        let count = self.0.list.parts.len();
        Err(Error::Archive(format!(
            "{}: is damaged: it has digest {actual}, but {expected} was expected (part {number} of {count})",
            path.display()
        )))
    }
}

/// The numbers of the parts of `name` among the entries of its folder, in order.
fn numbers_of(entries: std::fs::ReadDir, name: &Path) -> Vec<u64> {
    let Some(name) = name.file_name() else { return Vec::new() };
    let mut numbers: Vec<u64> = entries
        .flatten()
        .filter_map(|entry| {
            let file = entry.file_name();
            let digits = file.as_encoded_bytes().strip_prefix(name.as_encoded_bytes())?.strip_prefix(b".")?;
            let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 3)?;
            let number = digits.parse().ok().filter(|_| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
            (1..=MOST_PARTS).contains(&number).then_some(number)
        })
        .collect();
    numbers.sort_unstable();
    numbers
}

/// The number of a part by its name.
fn number_of(path: &Path, name: &Path) -> Option<u64> {
    if path == name {
        return None;
    }
    path.extension()?.to_str()?.parse().ok()
}

fn hash(file: &mut File, limit: u64, digester: &mut Digester) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut left = limit;
    while left > 0 {
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = file.read(&mut buffer[..wanted])?;
        if count == 0 {
            break;
        }
        digester.update(&buffer[..count]);
        left -= count as u64;
    }
    Ok(())
}

/// Digest of the start of an archive whose list is blank.
pub(crate) fn digest_of_start(blank: &[u8], behind: &[u8]) -> Row {
    let mut digester = Digester::new(Algorithm::Sha256);
    digester.update(blank);
    digester.update(behind);
    Row { digest: digester.finish(), size: (blank.len() + behind.len()) as u64 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::header::BLOCK;
    use super::*;

    #[test]
    fn the_head_has_one_size_whatever_it_holds() {
        let row = Row { digest: Digest::of("x"), size: u64::MAX };
        for count in [1, 700] {
            let list = List::new(u64::MAX, row.clone(), vec![row.clone(); count]).unwrap();
            let room = List::room(count as u64);
            for compressed in [false, true] {
                let blank = List::head(None, room, compressed).unwrap();
                let full = List::head(Some(&list), room, compressed).unwrap();
                assert_eq!(blank.len(), full.len());
                let file = tempfile::NamedTempFile::new().unwrap();
                std::fs::write(file.path(), &full).unwrap();
                let (read, read_room, is_compressed) = List::read(file.path()).unwrap().unwrap();
                assert_eq!((read, read_room, is_compressed), (list.clone(), room, compressed));
                if !compressed {
                    assert_eq!(blank.len() % BLOCK, 0);
                }
            }
        }
    }
}
