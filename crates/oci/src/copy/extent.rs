use ocm_blob::Digest;

use crate::{Error, Manifest, Result};

/// Nesting of indexes beyond which a graph is refused; real ones have two or three levels.
const MAX_DEPTH: usize = 16;

/// Manifests in one graph beyond which it is refused.
const MAX_MANIFESTS: usize = 10_000;

/// Bytes of all manifests in one graph beyond which it is refused: they are in memory together.
const MAX_BYTES: usize = 256 << 20;

/// How far a graph was followed, so that one made to exhaust whoever follows it is refused.
pub(crate) struct Extent<'a> {
    root: &'a Digest,
    manifests: usize,
    bytes: usize,
}

impl<'a> Extent<'a> {
    /// Nothing of the graph below `root` yet.
    pub(crate) fn new(root: &'a Digest) -> Self {
        Self { root, manifests: 0, bytes: 0 }
    }

    /// One more manifest, `depth` levels below the root.
    pub(crate) fn enter(&mut self, depth: usize) -> Result<()> {
        self.manifests += 1;
        if depth > MAX_DEPTH || self.manifests > MAX_MANIFESTS {
            return Err(Error::invalid(self.root, "the index is nested too deeply or lists too many manifests"));
        }
        Ok(())
    }

    /// What that manifest turned out to be.
    pub(crate) fn read(&mut self, manifest: &Manifest) -> Result<()> {
        self.bytes += manifest.bytes().len();
        if self.bytes > MAX_BYTES {
            let reason = format!("the manifests of the index have more than {} MiB together", MAX_BYTES >> 20);
            return Err(Error::invalid(self.root, reason));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::media_type;

    #[test]
    fn graphs_made_to_exhaust_are_refused() {
        let root = Digest::of("root");
        let mut extent = Extent::new(&root);
        assert!(extent.enter(MAX_DEPTH + 1).is_err());
        (1..MAX_MANIFESTS).for_each(|_| extent.enter(1).unwrap());
        assert!(extent.enter(1).is_err());

        let manifest = Manifest::with_digest(media_type::INDEX, vec![b' '; 4 << 20], root.clone());
        (0..MAX_BYTES / (4 << 20)).for_each(|_| extent.read(&manifest).unwrap());
        assert!(extent.read(&manifest).unwrap_err().to_string().contains("256 MiB"));
    }
}
