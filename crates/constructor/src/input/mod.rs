//! Content that is stored with a component version: each type of input has a file and a line in [`Input`].

mod binary;
mod content;
mod directory;
mod file;
pub(crate) mod helm;
mod image;
mod layout;
mod path;
mod text;
mod wget;

use std::path::Path;

use ocm_access::{ForeignInput, Owner, Sources};
use ocm_model::{TypedObject, near_miss};
use ocm_oci::{Error, Kind};

pub use binary::Binary;
pub use content::{Artifact, Content, Part};
pub use directory::Directory;
pub use file::File;
pub use helm::Helm;
pub use image::Image;
pub use text::Text;
pub use wget::Wget;

use crate::file::{Dialect, Fields, Node, Reader};

/// Where the content of a resource or source comes from.
#[derive(Clone, Debug)]
pub enum Input {
    /// `file`: one file.
    File(File),
    /// `dir`: a directory as a tar archive.
    Directory(Directory),
    /// `utf8`: a text in the constructor file.
    Text(Text),
    /// `binary`: bytes in the constructor file.
    Binary(Binary),
    /// `wget`: what a web server answers.
    Wget(Wget),
    /// `helm`: a Helm chart as an OCI artifact.
    Helm(Helm),
    /// `ociArtifact`: an image of a registry.
    Image(Image),
    /// A type that is known elsewhere only.
    Foreign(TypedObject),
}

/// What reads the members of one type.
type Read = fn(&mut Reader<'_>, &mut Fields<'_>) -> Option<Input>;

/// The types by name; each may have a version (`file/v1`) and any case (`File`).
const TYPES: [(&str, Read); 9] = [
    ("file", |reader, fields| File::read(reader, fields).map(Input::File)),
    ("dir", |reader, fields| Directory::read(reader, fields).map(Input::Directory)),
    ("utf8", |reader, fields| Text::read(reader, fields).map(Input::Text)),
    ("binary", |reader, fields| Binary::read(reader, fields).map(Input::Binary)),
    ("helm", |reader, fields| Helm::read(reader, fields).map(Input::Helm)),
    ("wget", |reader, fields| Wget::read(reader, fields).map(Input::Wget)),
    ("ociArtifact", |reader, fields| Image::read(reader, fields).map(Input::Image)),
    // Other names of the older program for the same.
    ("ociImage", |reader, fields| Image::read(reader, fields).map(Input::Image)),
    ("ociRegistry", |reader, fields| Image::read(reader, fields).map(Input::Image)),
];

/// Reads an input of any type.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Input> {
    let mut fields = reader.fields(node, format!("input of the {what}"))?;
    let kind = fields.required_text(reader, "type")?;
    let name = kind.strip_suffix("/v1").unwrap_or(&kind);
    if reader.foreign_inputs.contains(&kind) && !TYPES.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
        let serde_json::Value::Object(mut members) = node.to_json() else { return None };
        members.remove("type");
        return Some(Input::Foreign(TypedObject { kind, members }));
    }
    let Some((_, read)) = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) else {
        let advice = match near_miss(name, TYPES.map(|(known, _)| known)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => format!("there are {}", TYPES.map(|(known, _)| known).join(", ")),
        };
        reader.problem(fields.place("type"), format!("{}: unknown input type {kind:?}; {advice}", fields.what));
        return None;
    };
    let input = read(reader, &mut fields);
    fields.finish(reader);
    input
}

impl Input {
    /// Opens the content of an element; paths are read against `folder`, what is elsewhere is found through
    /// `sources`.
    ///
    /// # Errors
    /// Names the file or image that cannot be used, and why.
    pub(crate) async fn open(
        &self,
        owner: Owner<'_>,
        folder: &Path,
        dialect: Dialect,
        sources: &dyn Sources,
    ) -> ocm_blob::Result<Content> {
        let name = match owner {
            Owner::Resource(resource) => &resource.name,
            Owner::Source(source) => &source.name,
        };
        match self {
            Self::Image(image) => image.open(name, dialect, sources).await,
            Self::File(file) => file.open(folder, dialect).await,
            Self::Directory(directory) => directory.open(folder, dialect).await,
            Self::Text(text) => Ok(text.open(dialect)),
            Self::Binary(binary) => Ok(binary.open()),
            Self::Helm(helm) => helm.open(folder, dialect, sources).await,
            Self::Wget(wget) => wget.open(sources).await,
            Self::Foreign(input) => foreign(input, owner, sources).await,
        }
    }
}

async fn foreign(input: &TypedObject, owner: Owner<'_>, sources: &dyn Sources) -> ocm_blob::Result<Content> {
    match sources.foreign_input(input, owner).await.map_err(ocm_blob::Error::source)? {
        Some(ForeignInput::Content(ocm_access::Content::Blob { blob, media_type })) => {
            Ok(Content::Blob { blob, media_type })
        }
        Some(ForeignInput::Content(ocm_access::Content::Image { source, root })) => {
            Ok(Content::Image { source, root: Box::new(root), reference_name: None })
        }
        Some(ForeignInput::Access(access, digest)) => Ok(Content::Elsewhere { access, digest }),
        None => {
            let reason = "nobody knows this type any more";
            let error = Error::new(Kind::Unsupported, format!("input type {:?}", input.kind), reason);
            Err(ocm_blob::Error::source(error))
        }
    }
}
