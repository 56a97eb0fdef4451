//! The large content of an archive file that is being written: it goes straight to its place in the new file.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ocm_blob::{Begun, Digest, Parts, WritingBack, tar_frame};

use crate::ctf::form::BLOBS;
use crate::ctf::packed;

/// Content from this size on has its place; what is smaller is put behind it when all is known.
pub(crate) const LARGE: u64 = 1 << 20;

/// Name of the file in a staging folder, or with a number behind it, of its parts.
pub(crate) const BODY: &str = "body";

/// Name of the file that tells what is where in the body, and how much of it.
pub(crate) const JOURNAL: &str = "body.log";

/// Bytes after which the journal is told that they are there.
const TOLD_EACH: u64 = 4 << 20;

/// Entries of a tar file in the order in which they were begun, each in the room that was kept for it, so that any number of
/// them can be written at once and none is written twice.
///
/// With parts, the body begins with a part of its own: what the archive begins with is written later, into parts in front.
///
/// The journal has lines `parts SIZE`, `room DIGEST OFFSET SIZE` and `have DIGEST BYTES`. A line is added after what it says
/// is true, and whoever finds the body of a writer that was killed goes on from there. What is there is hashed anew.
#[derive(Debug)]
pub(crate) struct Body {
    folder: PathBuf,
    part_size: Option<u64>,
    rooms: Mutex<Rooms>,
}

#[derive(Debug)]
struct Rooms {
    journal: File,
    /// Where the next room begins.
    end: u64,
    by_digest: HashMap<Digest, Room>,
    /// What is here is being put into place, and no other room can be had.
    is_closed: bool,
    /// The files have other names, or may have.
    is_spent: bool,
}

#[derive(Clone, Copy, Debug)]
struct Room {
    /// Where the content begins.
    offset: u64,
    size: u64,
    written: u64,
    usage: Usage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    /// Nobody writes here; something may be there.
    Free,
    /// Somebody writes here.
    Taken,
    /// All content is there, and it is what it should be.
    Complete,
}

impl Body {
    /// Opens the body of a staging folder, with what a dead writer left in it, or begins one.
    pub(crate) fn open(folder: &Path, part_size: Option<u64>) -> io::Result<Self> {
        let path = folder.join(JOURNAL);
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let first = format!("parts {}\n", part_size.unwrap_or(0));
        let left = text.strip_prefix(&first);
        if left.is_none() {
            remove(folder)?;
        }
        let mut journal = File::options().append(true).create(true).open(&path)?;
        let begin = if part_size.is_some() { 0 } else { folder_entry()?.len() as u64 };
        let mut rooms = HashMap::new();
        match left {
            Some(left) => rooms = parse(left),
            None => journal.write_all(first.as_bytes())?,
        }
        let end = rooms.values().map(|room| room.offset + room.size + tar_frame::padding(room.size)).max();
        let rooms = Rooms { journal, end: end.unwrap_or(begin), by_digest: rooms, is_closed: false, is_spent: false };
        let body = Self { folder: folder.to_path_buf(), part_size, rooms: Mutex::new(rooms) };
        if part_size.is_none() {
            body.writer(0).write_all(&folder_entry()?)?;
        }
        Ok(body)
    }

    fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Room for content, to which nobody else writes; `None` if somebody does, and where it does not fit.
    pub(crate) fn room(self: &Arc<Self>, digest: &Digest, size: u64) -> io::Result<Option<Place>> {
        let mut rooms = self.rooms();
        if rooms.is_closed {
            return Ok(None);
        }
        if let Some(room) = rooms.by_digest.get_mut(digest) {
            if room.usage != Usage::Free || room.size != size {
                return Ok(None);
            }
            room.usage = Usage::Taken;
            return Ok(Some(self.place(digest, *room)));
        }
        let header = tar_frame::file_header(&packed::entry_name(digest), size).map_err(io::Error::other)?;
        let (begin, offset) = (rooms.end, rooms.end + header.len() as u64);
        let end = offset + size + tar_frame::padding(size);
        if self.part_size.is_some_and(|part_size| end.div_ceil(part_size.max(1)) >= Parts::MOST) {
            return Ok(None);
        }
        self.writer(begin).write_all(&header)?;
        rooms.journal.write_all(format!("room {digest} {offset} {size}\n").as_bytes())?;
        let room = Room { offset, size, written: 0, usage: Usage::Taken };
        rooms.by_digest.insert(digest.clone(), room);
        rooms.end = end;
        Ok(Some(self.place(digest, room)))
    }

    fn place(self: &Arc<Self>, digest: &Digest, room: Room) -> Place {
        Place { claim: Arc::new(Claim { body: self.clone(), digest: digest.clone() }), room }
    }

    /// Ends the body: nothing can be added. Returns where it ends and what is in it, or `None` if there is something in it
    /// that is not complete, or is not `wanted`.
    pub(crate) fn close(&self, wanted: impl Fn(&Digest) -> bool) -> Option<(u64, Vec<Digest>)> {
        let mut rooms = self.rooms();
        rooms.is_closed = true;
        let fits = rooms.by_digest.iter().all(|(digest, room)| room.usage == Usage::Complete && wanted(digest));
        (fits && !rooms.is_spent).then(|| (rooms.end, rooms.by_digest.keys().cloned().collect()))
    }

    /// Says that the files get other names now. Should that fail, what is in them can only be copied.
    pub(crate) fn spend(&self) {
        self.rooms().is_spent = true;
    }

    /// The only file of a body without parts.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(BODY)
    }

    /// Bytes of its parts, if it has parts.
    pub(crate) fn part_size(&self) -> Option<u64> {
        self.part_size
    }

    /// Ends a body in parts, and with it the archive, behind the content, which ends at `end`. Returns the files.
    pub(crate) fn end_parts(&self, end: u64) -> io::Result<Vec<PathBuf>> {
        let part_size = self.part_size.unwrap_or(u64::MAX);
        self.writer(end).write_all(&tar_frame::END)?;
        let end = end + tar_frame::END.len() as u64;
        let file = |at: u64| {
            let path = self.part(at);
            // Room for padding, which nothing was written to, comes into being, and what another attempt wrote goes away.
            let file = File::options().write(true).open(&path)?;
            file.set_len(part_size.min(end - at * part_size))?;
            Ok(path)
        };
        (0..end.div_ceil(part_size)).map(file).collect()
    }

    fn part(&self, at: u64) -> PathBuf {
        if self.part_size.is_some() { Parts::part(&self.file(), at + 1) } else { self.file() }
    }

    fn writer(&self, position: u64) -> Writer<'_> {
        Writer { body: self, position, file: None }
    }

    /// Where something lies: the part, where in it, and how many bytes are left there.
    fn find(&self, position: u64) -> (u64, u64, u64) {
        let part_size = self.part_size.unwrap_or(u64::MAX);
        (position / part_size, position % part_size, part_size - position % part_size)
    }

    /// Some bytes, as pieces of files that are open and positioned.
    pub(crate) fn pieces(&self, offset: u64, size: u64) -> io::Result<VecDeque<io::Take<File>>> {
        let (mut pieces, mut position) = (VecDeque::new(), offset);
        while position < offset + size {
            let (at, inside, left) = self.find(position);
            let count = left.min(offset + size - position);
            let mut file = File::open(self.part(at))?;
            file.seek(SeekFrom::Start(inside))?;
            pieces.push_back(file.take(count));
            position += count;
        }
        Ok(pieces)
    }
}

/// The entry for the folder that all content is in.
pub(crate) fn folder_entry() -> io::Result<Vec<u8>> {
    tar_frame::folder_entry(BLOBS).map_err(io::Error::other)
}

/// Removes the files of a body that nobody can go on from.
fn remove(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(BODY) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Reads a journal. The last line may have been cut, and then it does not count.
fn parse(text: &str) -> HashMap<Digest, Room> {
    let mut rooms = HashMap::<Digest, Room>::new();
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        let mut words = line.split(' ');
        let (kind, digest) = (words.next(), words.next().and_then(|digest| digest.parse::<Digest>().ok()));
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        match (kind, digest, numbers.as_slice()) {
            (Some("room"), Some(digest), [offset, size]) => {
                rooms.insert(digest, Room { offset: *offset, size: *size, written: 0, usage: Usage::Free });
            }
            (Some("have"), Some(digest), [written]) => {
                if let Some(room) = rooms.get_mut(&digest) {
                    room.written = room.size.min(*written);
                }
            }
            _ => {}
        }
    }
    rooms
}

/// Says that somebody writes to a room; for as long as anything of him is left, a thread that writes what was handed to it
/// for instance.
#[derive(Debug)]
struct Claim {
    body: Arc<Body>,
    digest: Digest,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(room) = self.body.rooms().by_digest.get_mut(&self.digest)
            && room.usage == Usage::Taken
        {
            room.usage = Usage::Free;
        }
    }
}

/// A room that somebody has for himself. What he leaves there, the next one goes on from.
#[derive(Debug)]
pub(crate) struct Place {
    claim: Arc<Claim>,
    room: Room,
}

impl Place {
    /// Bytes that are there.
    pub(crate) fn written(&self) -> u64 {
        self.room.written
    }

    /// Forgets what is there.
    pub(crate) fn clear(&mut self) {
        self.room.written = 0;
        self.claim.body.tell(&self.claim.digest, 0);
    }

    /// What errors call it.
    pub(crate) fn shown(&self) -> PathBuf {
        self.claim.body.file()
    }

    /// What is there, if anything.
    pub(crate) fn begun(&self) -> io::Result<Option<Begun>> {
        let Room { offset, written: size, .. } = self.room;
        if size == 0 {
            return Ok(None);
        }
        let content = Box::new(Pieces(self.claim.body.pieces(offset, size)?));
        Ok(Some(Begun { size, content }))
    }

    /// Takes what follows.
    pub(crate) fn writer(&self) -> PlaceWriter {
        let Room { offset: start, written: told, .. } = self.room;
        PlaceWriter { claim: self.claim.clone(), start, position: start + told, told, file: None }
    }

    /// Says that all of it is there and right. Returns where.
    pub(crate) fn complete(self) -> (Arc<Body>, u64) {
        let body = self.claim.body.clone();
        if let Some(room) = body.rooms().by_digest.get_mut(&self.claim.digest) {
            room.usage = Usage::Complete;
        }
        (body, self.room.offset)
    }
}

impl Body {
    /// Notes how much of some content is there. That it is not noted costs no more than to move it again.
    fn tell(&self, digest: &Digest, written: u64) {
        let mut rooms = self.rooms();
        let _ = rooms.journal.write_all(format!("have {digest} {written}\n").as_bytes());
        if let Some(room) = rooms.by_digest.get_mut(digest) {
            room.written = written;
        }
    }
}

/// Writes content to its place, and tells the journal.
pub(crate) struct PlaceWriter {
    claim: Arc<Claim>,
    start: u64,
    position: u64,
    told: u64,
    file: Option<(u64, WritingBack)>,
}

impl PlaceWriter {
    fn written(&self) -> u64 {
        self.position - self.start
    }
}

impl Write for PlaceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut writer = Writer { body: &self.claim.body, position: self.position, file: self.file.take() };
        let result = writer.write(bytes);
        (self.position, self.file) = (writer.position, writer.file);
        if self.written() - self.told >= TOLD_EACH {
            self.told = self.written();
            self.claim.body.tell(&self.claim.digest, self.told);
        }
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |(_, file)| file.flush())
    }
}

impl Drop for PlaceWriter {
    fn drop(&mut self) {
        if self.written() != self.told {
            self.claim.body.tell(&self.claim.digest, self.written());
        }
    }
}

/// Writes to the files of a body as if they were one.
struct Writer<'a> {
    body: &'a Body,
    position: u64,
    /// The file at the position.
    file: Option<(u64, WritingBack)>,
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (at, inside, left) = self.body.find(self.position);
        let wanted = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let file = match self.file.take().filter(|(number, _)| *number == at) {
            Some((_, file)) => file,
            None => {
                let mut options = File::options();
                let options = options.write(true).create(true).truncate(false).mode(0o644);
                let mut file = options.open(self.body.part(at))?;
                file.seek(SeekFrom::Start(inside))?;
                WritingBack::new(file)
            }
        };
        let (_, file) = self.file.insert((at, file));
        let count = file.write(&bytes[..wanted])?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |(_, file)| file.flush())
    }
}

/// Reads pieces of files one behind the other.
pub(crate) struct Pieces(pub(crate) VecDeque<io::Take<File>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = self.0.front_mut() {
            let count = piece.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            if piece.limit() > 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.0.pop_front();
        }
        Ok(0)
    }
}
