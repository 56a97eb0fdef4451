use std::fs::File;
use std::io::{self, Seek as _};

use crate::CHUNK;

/// Bytes after which the system is asked to begin writing to the disk, so that the final flush has little left to do. With 16 MiB
/// it had 0.05 s of work left for a file of 1 GiB that four threads wrote, with 2 MiB none.
const WRITEBACK: u64 = 2 << 20;

/// A file that goes to the disk while it is being written, so that the final flush has little left to do.
pub struct WritingBack {
    file: File,
    position: u64,
    asked: u64,
    /// Where room that was set aside ends.
    reserved: u64,
}

impl WritingBack {
    /// Goes on from where the file is positioned.
    pub fn new(mut file: File) -> Self {
        let position = file.stream_position().unwrap_or_default();
        Self { file, position, asked: position, reserved: 0 }
    }

    /// Sets room aside for so many bytes of the file, which ends here and does not get longer by that. So a disk that is too
    /// small is noticed before content moves, the content lies in one piece, and the system need not look for room block by
    /// block.
    #[cfg(target_os = "linux")]
    pub(crate) fn reserve(&mut self, size: u64) -> io::Result<()> {
        use rustix::fs::FallocateFlags;
        use rustix::io::Errno;

        match rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, size) {
            Ok(()) => self.reserved = size,
            Err(error @ (Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => {
                // Some file systems (ext4) keep hold of the room that there was, which is all of the disk.
                self.file.set_len(self.position)?;
                let error = io::Error::from(error);
                let reason = format!("there is no room for content that is said to have {size} bytes: {error}");
                return Err(io::Error::new(error.kind(), reason));
            }
            // Not every file system can, and none has to.
            Err(_) => {}
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn reserve(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    /// The file itself, with all that was written.
    pub(crate) fn into_file(self) -> File {
        self.file
    }

    fn begin(&mut self) {
        begin_writeback(&self.file, self.asked, self.position - self.asked);
        self.asked = self.position;
    }
}

impl io::Write for WritingBack {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.position += count as u64;
        if self.position - self.asked >= WRITEBACK {
            self.begin();
        }
        Ok(count)
    }

    /// Content is complete then: what is left of it must not wait for the flush either, unless it is too small to matter.
    fn flush(&mut self) -> io::Result<()> {
        if self.position - self.asked >= CHUNK as u64 {
            self.begin();
        }
        // Content that ended early leaves a part, which must not hold more of the disk than it has.
        if self.position < self.reserved {
            self.file.set_len(self.position)?;
            self.reserved = 0;
        }
        self.file.flush()
    }
}

/// Asks the system to write a range to the disk soon, without waiting. It is only advice: what matters is the flush.
#[cfg(target_os = "linux")]
fn begin_writeback(file: &File, offset: u64, length: u64) {
    // Linux starts the writeback of dirty pages for this advice; pages that are dirty stay in memory.
    let _ = rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(length), rustix::fs::Advice::DontNeed);
}

#[cfg(not(target_os = "linux"))]
fn begin_writeback(_: &File, _: u64, _: u64) {}
