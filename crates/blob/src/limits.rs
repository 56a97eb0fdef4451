/// How much an archive or compressed stream may grow while it is read.
///
/// Compressed content of a few kilobytes can stand for terabytes; every reader of this crate that decompresses counts
/// what comes out against these limits and fails, it never cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most entries of one archive. Default 262,144.
    pub entries: usize,
    /// Most bytes of all names of an archive together, those that links lead to as well, where they are kept in memory. An
    /// extended header makes a name of a mebibyte out of next to nothing in a compressed archive. Default 128 MiB.
    pub names: usize,
    /// Most bytes that may come out. Default 1 TiB.
    pub expanded: u64,
    /// Most bytes that may come out for each byte that goes in. Default 200 (deflate can reach 1,032).
    pub ratio: u64,
    /// Bytes that may come out before the ratio is looked at. Default 1 GiB.
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 262_144, names: 128 << 20, expanded: 1 << 40, ratio: 200, ratio_from: 1 << 30 }
    }
}

impl Limits {
    /// Fails if `expanded` bytes out of `compressed` bytes are too many.
    pub(crate) fn check(&self, compressed: u64, expanded: u64) -> Result<(), String> {
        if expanded > self.expanded {
            return Err(format!("expands to more than the limit of {} bytes", self.expanded));
        }
        if expanded > self.ratio_from && expanded / self.ratio.max(1) > compressed {
            return Err(format!(
                "expands more than {} times ({compressed} bytes became {expanded}): a decompression bomb",
                self.ratio
            ));
        }
        Ok(())
    }
}
