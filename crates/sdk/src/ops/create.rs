//! `create ctf`: an archive with nothing in it.

use std::path::{Path, PathBuf};

use ocm_model::RepositoryReference;
use ocm_oci::Registry as _;
use schemars::JsonSchema;
use serde::Serialize;

use super::add::Fresh;
use crate::context::Purpose;
use crate::{Context, Error, Kind, Result, select};

/// Creates an empty archive.
///
/// # Errors
/// [`Kind::Conflict`] if something is there, unless it is an archive that may be thrown away. [`Kind::Usage`] for the address of
/// a registry.
pub async fn archive(context: &Context, request: &Archive) -> Result<Report> {
    let path = match select::repository(&request.path)? {
        RepositoryReference::Ctf { file_path, .. } => PathBuf::from(file_path),
        _ if ["://", "::", "{"].iter().any(|mark| request.path.contains(mark)) => {
            return Err(Error::usage(format!("{}: is no place for an archive", request.path))
                .hint("name a file or folder; a registry needs nothing created before something is stored in it"));
        }
        // A name with a dot looks like a host, but here it can only be a path.
        _ => Path::new(&request.path).to_owned(),
    };
    if path.symlink_metadata().is_ok() && !request.force {
        return Err(Error::new(Kind::Conflict, format!("{}: something is there already", path.display()))
            .hint("--force throws an archive away that is there"));
    }
    let form = request.form.as_deref().map(crate::context::form).transpose()?;
    let fresh = Fresh::begin(context, &path).await?;
    context.open_archive(&fresh.path(), Purpose::Create(form)).await?.commit().await?;
    fresh.persist()?;
    Ok(Report { path })
}

/// Where the archive is to be, and how.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Archive {
    /// Its path; a type may stand in front (`ctf::out`).
    pub path: String,
    /// `directory`, `tar` or `tgz`; the default follows the name.
    pub form: Option<String>,
    /// Whether an archive that is there is thrown away.
    pub force: bool,
}

/// What was created.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Where it is.
    pub path: PathBuf,
}
