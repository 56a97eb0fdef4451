use crate::{Error, Result};

/// Says what an archive is that is neither tar nor gzip, as far as its first bytes tell.
pub(crate) fn refuse_other_forms(magic: &[u8]) -> Result<()> {
    let form = match magic {
        [] => return Err(Error::Archive("not a tar archive: it is empty".into())),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'B', b'Z', b'h', ..] => "bzip2",
        [0xfd, b'7', b'z', b'X', b'Z', 0] => "xz",
        [b'P', b'K', 3, 4, ..] => "zip",
        _ => return Ok(()),
    };
    Err(Error::Archive(format!("compressed with {form}, which is not supported: use tar, or tar compressed with gzip")))
}
