use std::path::Path;
use std::sync::Arc;

use ocm_blob::{DirectoryNames, DirectoryTar, Error, FileBlob, PackOptions, Pattern, Result};
use ocm_oci::media_type;

use super::{Content, layout, path};
use crate::file::{Dialect, Fields, Reader};

/// A directory as a tar archive: `path`, `mediaType`, `compress`, `preserveDir`, `followSymlinks`, `includeFiles`,
/// `excludeFiles`, `reproducible`. An OCI image layout by its media type becomes an image.
#[derive(Clone, Debug)]
pub struct Directory {
    path: String,
    media_type: Option<String>,
    compress: bool,
    options: PackOptions,
}

impl Directory {
    pub(super) fn read(reader: &mut Reader<'_>, fields: &mut Fields<'_>) -> Option<Self> {
        let path = fields.required_text(reader, "path");
        let media_type = fields.text(reader, "mediaType").filter(|media_type| !media_type.is_empty());
        let compress = fields.truth(reader, "compress").unwrap_or_default();
        let options = PackOptions {
            // Times and owners of the machine on request only: the same directory gives the same digest everywhere.
            reproducible: fields.truth(reader, "reproducible").unwrap_or(true),
            preserve_directory: fields.truth(reader, "preserveDir").unwrap_or_default(),
            follow_symlinks: fields.truth(reader, "followSymlinks").unwrap_or_default(),
            include: patterns(reader, fields, "includeFiles"),
            exclude: patterns(reader, fields, "excludeFiles"),
            directories: if reader.dialect == Dialect::V1 { DirectoryNames::Plain } else { DirectoryNames::Slash },
        };
        Some(Self { path: path?, media_type, compress, options })
    }

    pub(super) async fn open(&self, folder: &Path, dialect: Dialect) -> Result<Content> {
        let path = path::resolve(folder, &self.path, dialect)?;
        if self.media_type.as_deref().is_some_and(layout::is_layout) {
            return layout::open(&path).await;
        }
        if path.is_file() {
            return self.open_file(&path, dialect);
        }
        let (default, compressed) = match (dialect, self.compress) {
            (Dialect::V1, true) => ("application/x-tgz", true),
            (_, compress) => ("application/x-tar", compress),
        };
        let options = self.options.clone();
        let is_filtered = !options.include.is_empty();
        // The name to preserve is the one that the file says, not the one that a link leads to.
        let named = folder.canonicalize().map_err(Error::at(folder))?.join(&self.path);
        let packed = tokio::task::spawn_blocking(move || DirectoryTar::new(named, &options))
            .await
            .map_err(std::io::Error::other)??;
        if is_filtered && packed.is_empty() {
            let reason = "no file in it matches includeFiles, whose patterns are those of a shell (*.txt)";
            return Err(Error::at(&path)(std::io::Error::other(reason)));
        }
        Ok(Content::blob(Arc::new(packed), self.media_type.as_deref().unwrap_or(default), compressed, dialect))
    }

    /// A single file is stored as it is.
    fn open_file(&self, path: &Path, dialect: Dialect) -> Result<Content> {
        if !self.options.include.is_empty() || !self.options.exclude.is_empty() {
            return Err(Error::at(path)(std::io::Error::other(
                "is a file: includeFiles and excludeFiles need a directory",
            )));
        }
        let media_type = self.media_type.as_deref().unwrap_or(media_type::OCTETS);
        Ok(Content::blob(Arc::new(FileBlob::whole(path)?), media_type, self.compress, dialect))
    }
}

fn patterns(reader: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Vec<Pattern> {
    let node = fields.get(reader, key);
    let mut patterns = Vec::new();
    for text in reader.texts(node, &format!("{key:?} of the {}", fields.what)) {
        let path = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(&text);
        match Pattern::parse(path) {
            Ok(pattern) => {
                if looks_like_expression(&text) {
                    let message = format!(
                        "{}: {text:?} looks like a regular expression, but patterns are those of a shell: write *.txt",
                        fields.what
                    );
                    reader.notice(fields.place(key), message);
                }
                patterns.push(pattern);
            }
            Err(error) => reader.problem(fields.place(key), format!("{}: {error}", fields.what)),
        }
    }
    patterns
}

/// The documentation of the older program promised regular expressions and its code has shell patterns.
fn looks_like_expression(text: &str) -> bool {
    text.contains(".*") || text.starts_with('^') || text.ends_with('$') || text.contains("\\.") || text.contains("[.]")
}
