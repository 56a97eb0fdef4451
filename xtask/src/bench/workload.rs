//! The things that are packed and moved: a large image in an OCI layout, and files with many small components.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The component that carries the image.
pub(super) const COMPONENT: &str = "acme.org/bench/image:1.0.0";

/// Layers of the large image.
const LAYERS: u64 = 8;

/// An OCI layout with one image, as directory and as tar.
pub(super) struct Layout {
    pub(super) folder: PathBuf,
    pub(super) tar: PathBuf,
}

/// Writes the layout, whose layers have `size` bytes together. They do not compress: nobody can win by accident.
pub(super) fn layout(at: &Path, size: u64) -> Result<Layout, String> {
    let folder = at.join("layout");
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).map_err(|e| format!("{}: {e}", blobs.display()))?;
    let layers = (1..=LAYERS)
        .map(|seed| blob(&blobs, |file| noise(file, seed, size / LAYERS)))
        .collect::<Result<Vec<_>, _>>()?;
    let list = |of: &dyn Fn(&Stored) -> String| layers.iter().map(of).collect::<Vec<_>>().join(",");
    let config = blob(&blobs, |file| {
        write!(
            file,
            r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{}]}}}}"#,
            list(&|layer| format!(r#""sha256:{}""#, layer.hex))
        )
    })?;
    let manifest = blob(&blobs, |file| {
        write!(
            file,
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            config.descriptor("application/vnd.oci.image.config.v1+json", ""),
            list(&|layer| layer.descriptor("application/vnd.oci.image.layer.v1.tar", ""))
        )
    })?;
    let tag = r#","annotations":{"org.opencontainers.image.ref.name":"1.0.0"}"#;
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        manifest.descriptor("application/vnd.oci.image.manifest.v1+json", tag)
    );
    write(&folder.join("index.json"), &index)?;
    write(&folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    let tar = at.join("layout.tar");
    shell(Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(&folder).args(["oci-layout", "index.json", "blobs"]))?;
    Ok(Layout { folder, tar })
}

/// A constructor file for the image: from a tar file (`file`) or a directory (`dir`).
pub(super) fn image_constructor(at: &Path, input: &str, path: &str) -> Result<(), String> {
    let (name, version) = COMPONENT.split_once(':').unwrap_or((COMPONENT, ""));
    let text = format!(
        "name: {name}\nversion: {version}\nprovider:\n  name: acme.org\nresources:\n- name: image\n  type: ociImage\n  \
         input:\n    type: {input}/v1\n    path: {path}\n    mediaType: application/vnd.ocm.software.oci.layout.v1+tar\n"
    );
    write(at, &text)
}

/// Components that share images' layers among them.
pub(super) const COMPONENTS: usize = 20;

/// Images of each.
pub(super) const IMAGES_EACH: usize = 10;

/// Bases of the images, and their layers of 4 MiB.
const BASES: u64 = 5;
const BASE_LAYERS: u64 = 3;

/// An OCI layout with 200 images: each has the layers of one of five bases (three of 4 MiB), two of 128 KiB of its own, and a
/// configuration. The images of component C have the tags `C-1`, `C-2`, … Returns how many blobs there are.
pub(super) fn many_images(folder: &Path) -> Result<usize, String> {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).map_err(|e| format!("{}: {e}", blobs.display()))?;
    let layer = |seed, size| blob(&blobs, |file| noise(file, seed, size));
    let base = |number| (0..BASE_LAYERS).map(|at| layer(1000 + number * BASE_LAYERS + at, 4 << 20)).collect();
    let bases: Vec<Vec<Stored>> = (0..BASES).map(base).collect::<Result<_, String>>()?;
    let mut rows = Vec::new();
    for number in 0..(COMPONENTS * IMAGES_EACH) as u64 {
        let own = [layer(2000 + 2 * number, 128 << 10)?, layer(2001 + 2 * number, 128 << 10)?];
        let layers: Vec<&Stored> = bases[(number % BASES) as usize].iter().chain(&own).collect();
        let ids = layers.iter().map(|layer| format!(r#""sha256:{}""#, layer.hex)).collect::<Vec<_>>().join(",");
        let config = blob(&blobs, |file| {
            write!(
                file,
                r#"{{"architecture":"amd64","os":"linux","config":{{}},"rootfs":{{"type":"layers","diff_ids":[{ids}]}}}}"#
            )
        })?;
        let layers = layers.iter().map(|layer| layer.descriptor(LAYER, "")).collect::<Vec<_>>().join(",");
        let manifest = blob(&blobs, |file| {
            write!(
                file,
                r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{},"layers":[{layers}]}}"#,
                config.descriptor("application/vnd.oci.image.config.v1+json", "")
            )
        })?;
        let (component, image) = (number as usize / IMAGES_EACH + 1, number as usize % IMAGES_EACH + 1);
        let tag = format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{component}-{image}"}}"#);
        rows.push(manifest.descriptor(MANIFEST, &tag));
    }
    write(&folder.join("index.json"), &format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, rows.join(",")))?;
    write(&folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
    // Two layers and a configuration of each image, and the bases.
    Ok(rows.len() * 3 + (BASES * BASE_LAYERS) as usize)
}

/// A constructor file for components whose images lie in a registry.
pub(super) fn many_components(at: &Path, registry: &str) -> Result<(), String> {
    let mut text = "components:\n".to_owned();
    for number in 1..=COMPONENTS {
        let _ = writeln!(
            text,
            "- name: acme.org/bench/many-{number}\n  version: 1.0.0\n  provider:\n    name: acme.org\n  resources:"
        );
        for image in 1..=IMAGES_EACH {
            let _ = writeln!(
                text,
                "  - name: image-{image}\n    version: 1.0.0\n    type: ociImage\n    access:\n      type: ociArtifact\n      \
                 imageReference: http://{registry}/image-{number}:{image}"
            );
        }
    }
    write(at, &text)
}

/// The component that carries one blob.
pub(super) const BLOB: &str = "acme.org/bench/blob:1.0.0";

/// A constructor file for one blob of `size` bytes, and the blob beside it.
pub(super) fn blob_constructor(at: &Path, size: u64) -> Result<(), String> {
    let path = at.with_extension("bin");
    let fault = |e: std::io::Error| format!("{}: {e}", path.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).map_err(fault)?);
    noise(&mut file, 1, size).and_then(|()| file.flush()).map_err(fault)?;
    let text = "name: acme.org/bench/blob\nversion: 1.0.0\nprovider:\n  name: acme.org\nresources:\n- name: blob\n  \
                type: blob\n  input:\n    type: file/v1\n    path: blob.bin\n";
    write(at, text)
}

/// A constructor file with `count` components of one text each, the first with the given number.
pub(super) fn components(at: &Path, first: usize, count: usize) -> Result<(), String> {
    let mut text = "components:\n".to_owned();
    for number in first..first + count {
        let _ = writeln!(
            text,
            "- name: acme.org/bench/part-{number:05}\n  version: 1.0.0\n  provider:\n    name: acme.org\n  resources:\n  \
             - name: text\n    type: plainText\n    input:\n      type: utf8/v1\n      text: this is part {number}"
        );
    }
    write(at, &text)
}

/// Bytes of all files below a folder.
pub(super) fn bytes_below(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Removes a file or folder; it need not be there.
pub(super) fn remove(path: &Path) -> Result<(), String> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(format!("{}: {e}", path.display())),
        _ => Ok(()),
    }
}

/// Runs a command that only prepares something.
pub(super) fn shell(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|e| format!("{command:?}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

struct Stored {
    hex: String,
    size: u64,
}

impl Stored {
    fn descriptor(&self, media_type: &str, rest: &str) -> String {
        format!(r#"{{"mediaType":"{media_type}","digest":"sha256:{}","size":{}{rest}}}"#, self.hex, self.size)
    }
}

/// Writes a blob and files it under its digest.
fn blob(
    blobs: &Path,
    content: impl FnOnce(&mut std::io::BufWriter<std::fs::File>) -> std::io::Result<()>,
) -> Result<Stored, String> {
    let unnamed = blobs.join("unnamed");
    let fault = |e: std::io::Error| format!("{}: {e}", unnamed.display());
    let mut file = std::io::BufWriter::new(std::fs::File::create(&unnamed).map_err(fault)?);
    content(&mut file).and_then(|()| file.flush()).map_err(fault)?;
    let hex = shell(Command::new("sha256sum").arg(&unnamed))?.split_whitespace().next().unwrap_or_default().to_owned();
    let size = std::fs::metadata(&unnamed).map_err(fault)?.len();
    std::fs::rename(&unnamed, blobs.join(&hex)).map_err(fault)?;
    Ok(Stored { hex, size })
}

/// Bytes without pattern (xorshift64), the same in every run.
fn noise(file: &mut impl std::io::Write, seed: u64, size: u64) -> std::io::Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(2 * seed + 1);
    let mut left = size;
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bytes = state.to_le_bytes();
        let take = left.min(8);
        file.write_all(&bytes[..usize::try_from(take).unwrap_or(8)])?;
        left -= take;
    }
    Ok(())
}
