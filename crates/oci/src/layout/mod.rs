//! OCI image layouts and artifact sets: a folder or an archive that holds images.
//!
//! Read in every physical form (directory, tar, tar with gzip) and in every form of naming (`blobs/sha256/<hex>` as the
//! image layout specification has it, `blobs/sha256.<hex>` as artifact sets have it); written as the specification has it.

mod content;
mod files;
mod read;
mod top;

pub use content::LayoutContent;
pub use read::Layout;

/// Media type of an image layout as a tar archive.
pub const LAYOUT_TAR: &str = "application/vnd.ocm.software.oci.layout.v1+tar";

/// Media type of an image layout as a tar archive compressed with gzip.
pub const LAYOUT_TAR_GZIP: &str = "application/vnd.ocm.software.oci.layout.v1+tar+gzip";

/// Annotation that gives a manifest in an index its name (OCI image specification, *Pre-Defined Annotation Keys*).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// Annotation on the index of an artifact set: the digest of the manifest that it is about.
pub const MAIN: &str = "software.ocm/main";

/// Annotation on a manifest of an artifact set: all its tags, separated by commas.
pub const TAGS: &str = "software.ocm/tags";
