use std::io::{self, Read};

use super::extension::{self, Records};
use super::header::{self, BLOCK, Header};
use super::path::EntryPath;
use crate::{Error, Result};

/// Longest extended header or long name in bytes. Both are read into memory.
const LONGEST_EXTENSION: u64 = 1 << 20;

/// Longest text of a link in bytes; what the common systems can make.
const LONGEST_LINK: usize = 4095;

/// Most bytes of zeros behind the end. Writers fill up a record, of some kilobytes; a file with holes has any number of zeros
/// without taking up room, and reading them never ends.
const LONGEST_END: u64 = 64 << 20;

/// What an entry of an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and the text it holds.
    SymbolicLink(String),
    /// Another name for an earlier entry, and that entry's name.
    HardLink(String),
    /// A device or a pipe.
    Special,
}

impl Kind {
    /// What a link leads to; `None` for everything else.
    pub(crate) fn target(&self) -> Option<&str> {
        match self {
            Self::SymbolicLink(target) | Self::HardLink(target) => Some(target),
            Self::File | Self::Directory | Self::Special => None,
        }
    }
}

/// An entry while the archive is walked.
#[derive(Debug)]
pub(crate) struct Walked {
    /// The name as it stands in the archive, for messages.
    pub(crate) name: String,
    /// The resolved name, or why it is refused.
    pub(crate) path: Result<EntryPath, &'static str>,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) mode: u32,
    /// Where the content begins, in bytes from the start of the (decompressed) archive.
    pub(crate) offset: u64,
}

/// A source that may know a faster way to pass over bytes than to read them.
pub(crate) trait Source: Read {
    /// Passes over `count` bytes; `UnexpectedEof` if there are fewer.
    fn pass_over(&mut self, count: u64) -> io::Result<()>
    where
        Self: Sized,
    {
        let passed = io::copy(&mut self.by_ref().take(count), &mut io::sink())?;
        if passed == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// Goes through a tar archive from its first byte to its last, entry by entry.
///
/// There is one reader of tar headers in this program, and it has no opinion: what is not plainly valid is an error. Two
/// readers that disagree about where an entry ends let an attacker hide entries from one of them (CVE-2025-62518).
pub(crate) struct Walk<S> {
    source: S,
    position: u64,
    /// Bytes of the current entry that were not read yet.
    left: u64,
    /// Zero bytes after the current entry.
    padding: u64,
    /// The mark of the end was there.
    is_ended: bool,
}

impl<S: Source> Walk<S> {
    pub(crate) fn new(source: S) -> Self {
        Self { source, position: 0, left: 0, padding: 0, is_ended: false }
    }

    /// Whether the archive ended with the zeros that say so, one block of two at least; known once there is no next entry.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// The next entry; its content can be read from `self` until the next call.
    pub(crate) fn next(&mut self) -> Result<Option<Walked>> {
        let (mut records, mut long_name, mut long_link) = (None::<Records>, None, None);
        loop {
            let extended = records.is_some() || long_name.is_some() || long_link.is_some();
            let Some(header) = self.header()? else {
                return if extended { Err(invalid("ends after an extended header")) } else { Ok(None) };
            };
            let twice = || Err(invalid("has two extended headers for one entry"));
            match header.type_flag {
                b'x' if records.is_some() => return twice(),
                b'x' => records = Some(extension::parse(&self.extension(&header)?).map_err(contains)?),
                b'L' if long_name.is_some() => return twice(),
                b'L' => long_name = Some(self.long_name(&header)?),
                b'K' if long_link.is_some() => return twice(),
                b'K' => long_link = Some(self.long_name(&header)?),
                b'g' => {
                    // `git archive` writes one that only holds a comment. Anything that would change how later entries
                    // are read is honoured by some readers and not by others.
                    let global = extension::parse(&self.extension(&header)?).map_err(contains)?;
                    if extended || global.path.is_some() || global.link.is_some() || global.size.is_some() {
                        return Err(invalid("contains a global extended header that changes entries"));
                    }
                }
                _ => {
                    let records = records.unwrap_or_default();
                    if records.path.is_some() && long_name.is_some() || records.link.is_some() && long_link.is_some() {
                        return Err(invalid("gives two names to one entry"));
                    }
                    let size = records.size.unwrap_or(header.size);
                    let name = records.path.or(long_name).unwrap_or(header.name);
                    let link = records.link.or(long_link).unwrap_or(header.link);
                    return self.entry(&name, header.type_flag, &link, size, header.mode).map(Some);
                }
            }
        }
    }

    fn entry(&mut self, name: &[u8], type_flag: u8, link: &[u8], size: u64, mode: u32) -> Result<Walked> {
        let shown = String::from_utf8_lossy(name).into_owned();
        let target = || {
            let target =
                String::from_utf8(link.to_vec()).ok().filter(|target| (1..=LONGEST_LINK).contains(&target.len()));
            target.ok_or_else(|| contains(format!("the link {shown:?} with an invalid target")))
        };
        let slash = name.ends_with(b"/");
        let kind = match type_flag {
            // Before POSIX, a directory was a file whose name ends in a slash.
            0 if slash => Kind::Directory,
            0 | b'0' | b'7' if !slash => Kind::File,
            b'1' => Kind::HardLink(target()?),
            b'2' => Kind::SymbolicLink(target()?),
            b'3' | b'4' | b'6' => Kind::Special,
            b'5' => Kind::Directory,
            b'0' | b'7' => return Err(contains(format!("the file {shown:?}, whose name is that of a directory"))),
            b'S' => return Err(contains(format!("the sparse file {shown:?}, which is not supported"))),
            flag => return Err(contains(format!("{shown:?} of the unknown type {:?}", char::from(flag)))),
        };
        // Whether bytes follow such an entry is where readers disagree.
        if kind != Kind::File && size != 0 {
            return Err(contains(format!("{shown:?}, which has content but is no file")));
        }
        self.left = size;
        self.padding = size.wrapping_neg() % BLOCK as u64;
        Ok(Walked { name: shown, path: EntryPath::parse(name), kind, size, mode, offset: self.position })
    }

    /// Passes over the rest of the current entry and reads the next header; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>> {
        let rest = std::mem::take(&mut self.left) + std::mem::take(&mut self.padding);
        if rest > 0 {
            self.source.pass_over(rest).map_err(truncated)?;
            self.position += rest;
        }
        let Some(block) = self.block()? else {
            // The two blocks of zeros at the end are missing in some archives; nothing is lost with them.
            return Ok(None);
        };
        if let Some(header) = header::parse(&block).map_err(contains)? {
            return Ok(Some(header));
        }
        self.is_ended = true;
        // Everything behind the end is zero: what one reader ignores there, another one might read.
        let end = self.position;
        while let Some(block) = self.block()? {
            if self.position - end > LONGEST_END {
                return Err(invalid("goes on for more than 64 MiB behind its end"));
            }
            if block.iter().any(|byte| *byte != 0) {
                return Err(invalid("has content after its end"));
            }
        }
        Ok(None)
    }

    /// The next block; `None` if the source ends before it.
    fn block(&mut self) -> Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            match self.source.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(truncated(io::ErrorKind::UnexpectedEof.into())),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::from_read(error)),
            }
        }
        self.position += BLOCK as u64;
        Ok(Some(block))
    }

    /// Content of an extended header.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        if header.size == 0 || header.size > LONGEST_EXTENSION {
            return Err(invalid("contains an extended header of an invalid size"));
        }
        self.left = header.size;
        self.padding = header.size.wrapping_neg() % BLOCK as u64;
        let mut content = vec![0; header.size as usize];
        self.read_exact(&mut content).map_err(truncated)?;
        Ok(content)
    }

    /// Content of a GNU long name: text, ended by NUL.
    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>> {
        let mut name = self.extension(header)?;
        while name.last() == Some(&0) {
            name.pop();
        }
        if name.is_empty() || name.contains(&0) {
            return Err(invalid("contains an invalid long name"));
        }
        Ok(name)
    }
}

impl<S: Source> Read for Walk<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.source.read(&mut buffer[..wanted])?;
        if count == 0 && wanted > 0 {
            return Err(io::Error::other(truncated(io::ErrorKind::UnexpectedEof.into())));
        }
        self.left -= count as u64;
        self.position += count as u64;
        Ok(count)
    }
}

fn truncated(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { invalid("is truncated") } else { Error::from_read(error) }
}

fn contains(what: impl std::fmt::Display) -> Error {
    Error::Archive(format!("the archive contains {what}"))
}

fn invalid(what: &str) -> Error {
    Error::Archive(format!("the archive {what}"))
}
