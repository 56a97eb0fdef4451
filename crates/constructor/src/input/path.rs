use std::path::{Path, PathBuf};

use ocm_blob::{Error, Result};

use crate::file::Dialect;

/// Resolves a path of a constructor file against its folder.
///
/// A file that somebody else wrote must not be able to ship `/etc/shadow`: whatever the path is and whatever links it goes
/// through, it ends inside the folder. The older program has no such rule, and its files reach for their neighbours.
pub(super) fn resolve(folder: &Path, path: &str, dialect: Dialect) -> Result<PathBuf> {
    let root = folder.canonicalize().map_err(Error::at(folder))?;
    let wanted = root.join(path);
    let resolved = wanted.canonicalize().map_err(Error::at(&wanted))?;
    if dialect == Dialect::V2 && !resolved.starts_with(&root) {
        let reason = format!(
            "lies outside of the working directory {}: move it there, or choose another working directory",
            root.display()
        );
        return Err(Error::at(&wanted)(std::io::Error::other(reason)));
    }
    Ok(resolved)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let inner = root.join("inner");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(root.join("secret"), "s").unwrap();
        std::fs::write(inner.join("a"), "a").unwrap();
        std::os::unix::fs::symlink("a", inner.join("in")).unwrap();
        std::os::unix::fs::symlink("../secret", inner.join("out")).unwrap();
        let absolute = inner.join("a").display().to_string();
        for good in ["a", "./a", "../inner/a", "in", &absolute] {
            assert_eq!(resolve(&inner, good, Dialect::V2).unwrap(), inner.join("a"), "{good}");
        }
        for bad in ["../secret", "out", "/etc/passwd", "in/../../secret"] {
            assert!(resolve(&inner, bad, Dialect::V2).is_err(), "{bad}");
        }
        assert_eq!(resolve(&inner, "../secret", Dialect::V1).unwrap(), root.join("secret"));
        assert!(resolve(&inner, "gone", Dialect::V2).unwrap_err().to_string().contains("/gone: "));
    }
}
