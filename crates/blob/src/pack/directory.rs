use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rustix::fs::{Mode, OFlags};

use super::header::{Fields, TRAILER, encode, padding};
use super::pattern::Pattern;
use crate::{Blob, ByteStream, Digest, Error, Result, read_in_background};

/// Deepest folder that is packed; links can make a tree deeper than any folder on the disk.
const DEEPEST: usize = 128;

/// Most entries that are looked at where links are followed: a handful of links side by side, level by level, stands for
/// millions of files. What unpacks archives has the same limit.
const MOST_ENTRIES: usize = 262_144;

/// How a directory is packed for the `dir` input.
#[derive(Clone, Debug)]
pub struct PackOptions {
    /// Leave out everything that differs between machines: times and owners. Default true.
    pub reproducible: bool,
    /// Put all entries below the directory's own name. Default false: the directory is the entry `./`.
    pub preserve_directory: bool,
    /// Pack what a symbolic link inside the directory points to, if that lies inside as well. Default false: a link is
    /// an error.
    pub follow_symlinks: bool,
    /// Only entries whose path matches one of these; directories are searched in any case. Default empty: everything.
    pub include: Vec<Pattern>,
    /// No entries whose path matches one of these, nor what lies below them. Wins over `include`.
    pub exclude: Vec<Pattern>,
    /// How entries for directories are named.
    pub directories: DirectoryNames,
}

/// How entries for directories are named in a tar archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirectoryNames {
    /// With a slash at their end, and `./` for the packed directory itself.
    #[default]
    Slash,
    /// Without a slash, and no entry for the packed directory itself unless its name is preserved: the form of the older
    /// program.
    Plain,
}

impl Default for PackOptions {
    fn default() -> Self {
        Self {
            reproducible: true,
            preserve_directory: false,
            follow_symlinks: false,
            include: Vec::new(),
            exclude: Vec::new(),
            directories: DirectoryNames::Slash,
        }
    }
}

/// A directory as a tar archive, streamed.
///
/// Entries come in lexical order, each directory before its content. The tree is walked once when the value is made; a
/// file that changes its size afterwards is an error while reading.
#[derive(Clone, Debug)]
pub struct DirectoryTar {
    entries: Arc<[Entry]>,
    size: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    fields: Fields,
    /// The file to read; `None` for a directory.
    file: Option<PathBuf>,
}

impl DirectoryTar {
    /// Walks the directory.
    ///
    /// # Errors
    /// Symbolic links unless they are followed, links that lead out or in a circle, devices, pipes and sockets, names
    /// that are not UTF-8; unless a pattern excludes them.
    pub fn new(path: impl Into<PathBuf>, options: &PackOptions) -> Result<Self> {
        let path = path.into();
        let root = std::fs::canonicalize(&path).map_err(Error::at(&path))?;
        let name = if options.preserve_directory { own_name(&path, &root)? } else { String::new() };
        let owners = if options.reproducible { Owners::default() } else { Owners::read() };
        let mut walk = Walk { root: &root, options, owners, entries: Vec::new(), seen: 0 };
        let metadata = std::fs::metadata(&path).map_err(Error::at(&path))?;
        if !metadata.is_dir() {
            return Err(Error::at(&path)(io::ErrorKind::NotADirectory.into()));
        }
        walk.directory(&path, &name, &metadata, &mut vec![root.clone()])?;
        let entries = walk.entries;
        let size = entries.iter().map(Entry::packed_size).sum::<u64>() + TRAILER as u64;
        Ok(Self { entries: entries.into(), size })
    }
}

impl DirectoryTar {
    /// Whether there is nothing in it, not even an entry for the directory.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    fn packed_size(&self) -> u64 {
        encode(&self.fields).len() as u64 + self.fields.size + padding(self.fields.size) as u64
    }
}

fn own_name(path: &Path, root: &Path) -> Result<String> {
    let name = path.file_name().or_else(|| root.file_name()).and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| Error::at(path)(io::Error::other("has no name that could be preserved")))
}

struct Walk<'a> {
    root: &'a Path,
    options: &'a PackOptions,
    owners: Owners,
    entries: Vec<Entry>,
    /// Everything looked at, packed or not.
    seen: usize,
}

impl Walk<'_> {
    /// Adds a directory and everything below it. `name` is its path in the archive, empty for the root; `above` are the
    /// directories that are open, so that a circle of links is noticed.
    fn directory(&mut self, path: &Path, name: &str, metadata: &Metadata, above: &mut Vec<PathBuf>) -> Result<()> {
        let matched = if name.is_empty() { "." } else { name };
        if self.excluded(matched) {
            return Ok(());
        }
        let plain = self.options.directories == DirectoryNames::Plain;
        if self.included(matched) && !(plain && name.is_empty()) {
            let shown = match name {
                "" => "./".to_owned(),
                name if plain => name.to_owned(),
                name => format!("{name}/"),
            };
            let fields = self.fields(shown, metadata);
            self.entries.push(Entry { fields: Fields { directory: true, ..fields }, file: None });
        }
        let mut children = Vec::new();
        for child in std::fs::read_dir(path).map_err(Error::at(path))? {
            let child = child.map_err(Error::at(path))?.path();
            let Some(own) = child.file_name().and_then(|own| own.to_str()) else {
                return Err(Error::at(&child)(io::Error::other("its name is not UTF-8 and cannot be packed")));
            };
            if own.contains('\\') {
                return Err(Error::at(&child)(io::Error::other("its name contains a backslash and cannot be packed")));
            }
            children.push((own.to_owned(), child.clone()));
        }
        children.sort_unstable();
        for (own, child) in children {
            let name = if name.is_empty() { own } else { format!("{name}/{own}") };
            self.child(&child, &name, above)?;
        }
        Ok(())
    }

    fn child(&mut self, path: &Path, name: &str, above: &mut Vec<PathBuf>) -> Result<()> {
        let fail = |reason: String| Error::at(path)(io::Error::other(reason));
        let mut metadata = std::fs::symlink_metadata(path).map_err(Error::at(path))?;
        let mut real = path.to_path_buf();
        self.seen += 1;
        if self.options.follow_symlinks && self.seen > MOST_ENTRIES {
            return Err(fail(format!(
                "is one of more than {MOST_ENTRIES} entries, too many where links are followed: they may multiply"
            )));
        }
        if self.excluded(name) {
            return Ok(());
        }
        if metadata.is_symlink() {
            if !self.options.follow_symlinks {
                return Err(fail("is a symbolic link: exclude it, or let links be followed".into()));
            }
            real = std::fs::canonicalize(path).map_err(Error::at(path))?;
            if !real.starts_with(self.root) {
                return Err(fail(format!("is a symbolic link that leads out of the directory, to {}", real.display())));
            }
            metadata = std::fs::symlink_metadata(&real).map_err(Error::at(&real))?;
        }
        if metadata.is_dir() {
            let canonical = std::fs::canonicalize(&real).map_err(Error::at(&real))?;
            if above.contains(&canonical) {
                return Err(fail("is a symbolic link to a directory that contains it".into()));
            }
            if above.len() >= DEEPEST {
                return Err(fail(format!("lies deeper than {DEEPEST} folders")));
            }
            above.push(canonical);
            let done = self.directory(&real, name, &metadata, above);
            above.pop();
            return done;
        }
        if !metadata.is_file() {
            return Err(fail("is neither a file nor a directory and cannot be packed".into()));
        }
        if self.included(name) {
            let fields = Fields { size: metadata.len(), ..self.fields(name.to_owned(), &metadata) };
            self.entries.push(Entry { fields, file: Some(real) });
        }
        Ok(())
    }

    fn excluded(&self, name: &str) -> bool {
        self.options.exclude.iter().any(|pattern| pattern.matches(name))
    }

    fn included(&self, name: &str) -> bool {
        self.options.include.is_empty() || self.options.include.iter().any(|pattern| pattern.matches(name))
    }

    fn fields(&self, name: String, metadata: &Metadata) -> Fields {
        if self.options.reproducible {
            return Fields { name, mode: metadata.mode() & 0o777, ..Fields::default() };
        }
        // Times are kept in whole seconds, rounded to the nearest.
        let modified = metadata.mtime() + i64::from(metadata.mtime_nsec() >= 500_000_000);
        Fields {
            name,
            mode: metadata.mode() & 0o7777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            modified,
            user: name_of(&self.owners.users, metadata.uid()),
            group: name_of(&self.owners.groups, metadata.gid()),
            ..Fields::default()
        }
    }
}

/// Names of users and groups of this machine.
#[derive(Default)]
struct Owners {
    users: Vec<(u32, String)>,
    groups: Vec<(u32, String)>,
}

impl Owners {
    fn read() -> Self {
        Self { users: names(Path::new("/etc/passwd")), groups: names(Path::new("/etc/group")) }
    }
}

/// `name:password:id:…` lines; what cannot be read has no names, as in the archives of other programs.
fn names(path: &Path) -> Vec<(u32, String)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let name = |line: &str| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        Some((fields.nth(1)?.parse().ok()?, name))
    };
    text.lines().filter_map(name).collect()
}

fn name_of(names: &[(u32, String)], id: u32) -> String {
    names.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone()).unwrap_or_default()
}

#[async_trait]
impl Blob for DirectoryTar {
    fn size(&self) -> Option<u64> {
        Some(self.size)
    }

    fn digest(&self) -> Option<Digest> {
        None
    }

    async fn open(&self) -> Result<ByteStream> {
        let entries = self.entries.clone();
        Ok(read_in_background(move || {
            Ok(Packing { entries, next: 0, head: io::Cursor::new(Vec::new()), file: None, ended: false })
        }))
    }
}

/// The archive while it is read.
struct Packing {
    entries: Arc<[Entry]>,
    next: usize,
    /// Bytes that are not content: headers, padding, the end.
    head: io::Cursor<Vec<u8>>,
    file: Option<(File, PathBuf, u64, usize)>,
    ended: bool,
}

impl Read for Packing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.head.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if let Some((file, path, left, padding)) = &mut self.file {
                if *left == 0 {
                    let grown = file.read(&mut [0])? > 0;
                    self.head = io::Cursor::new(vec![0; *padding]);
                    let path = std::mem::take(path);
                    self.file = None;
                    if grown {
                        return Err(changed(&path));
                    }
                    continue;
                }
                let wanted = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let count = file.read(&mut buffer[..wanted])?;
                if count == 0 {
                    return Err(changed(path));
                }
                *left -= count as u64;
                return Ok(count);
            }
            let Some(entry) = self.entries.get(self.next) else {
                if std::mem::replace(&mut self.ended, true) {
                    return Ok(0);
                }
                self.head = io::Cursor::new(vec![0; TRAILER]);
                continue;
            };
            self.next += 1;
            self.head = io::Cursor::new(encode(&entry.fields));
            if let Some(path) = &entry.file {
                let size = entry.fields.size;
                self.file = Some((open(path).map_err(io::Error::other)?, path.clone(), size, padding(size)));
            }
        }
    }
}

/// Opens a file that was a regular file a moment ago; a link that took its place is not followed.
fn open(path: &Path) -> Result<File> {
    let opened =
        rustix::fs::open(path, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK, Mode::empty());
    let file = File::from(opened.map_err(io::Error::from).map_err(Error::at(path))?);
    if !file.metadata().map_err(Error::at(path))?.is_file() {
        return Err(Error::at(path)(io::Error::other("changed while it was packed")));
    }
    Ok(file)
}

fn changed(path: &Path) -> io::Error {
    io::Error::other(Error::at(path)(io::Error::other("changed while it was packed")))
}
