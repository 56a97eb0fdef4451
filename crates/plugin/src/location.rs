use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Content on its way between a plugin and this program: a file of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: PathBuf,
    /// What it is, if that was said.
    pub media_type: Option<String>,
}

/// The form of the protocol.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    media_type: String,
}

impl Location {
    /// As the protocol has it.
    ///
    /// # Errors
    /// The path is no text, which JSON cannot say.
    pub(crate) fn write(&self) -> Result<Written, String> {
        let value =
            self.path.to_str().ok_or_else(|| format!("the path {} is no text", self.path.display()))?.to_owned();
        let media_type = self.media_type.clone().unwrap_or_default();
        Ok(Written { kind: "localFile".to_owned(), value, media_type })
    }

    /// From the protocol.
    ///
    /// # Errors
    /// It is no file: there are forms that only plugins among themselves understand.
    pub(crate) fn read(written: Written) -> Result<Self, String> {
        let path = PathBuf::from(&written.value);
        if written.kind != "localFile" {
            return Err(format!("it hands content over as {:?}, and only localFile can be read here", written.kind));
        }
        // The working directory of a program that runs for a while means nothing.
        if !path.is_absolute() {
            return Err(format!("it hands content over in {:?}, which is no absolute path", written.value));
        }
        let is_file = std::fs::metadata(&path).is_ok_and(|metadata| metadata.is_file());
        if !is_file {
            return Err(format!("it hands content over in {:?}, which is no file", written.value));
        }
        Ok(Self { path, media_type: Some(written.media_type).filter(|text| !text.is_empty()) })
    }
}
