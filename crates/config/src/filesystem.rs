use serde_json::Value;

use crate::{Entry, Error, Result};

/// Folders of the program (`filesystem.config.ocm.software`). What was not said is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filesystem {
    /// Folder for temporary files.
    pub temp_folder: Option<String>,
    /// Folder that relative input paths of constructor files start from.
    pub working_directory: Option<String>,
}

impl Filesystem {
    /// Reads entries in order; what a later one says wins, member by member.
    ///
    /// # Errors
    /// A member nobody knows, or a folder that is no text.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut filesystem = Self::default();
        for entry in entries {
            for (key, value) in &entry.members {
                let wrong = |reason: &str| {
                    Error::new(entry.place_of(&format!("/{key}")), format_args!("{}: {key} {reason}", entry.kind))
                };
                let place = match key.as_str() {
                    "tempFolder" => &mut filesystem.temp_folder,
                    "workingDirectory" => &mut filesystem.working_directory,
                    _ => return Err(wrong("is unknown; there are tempFolder and workingDirectory")),
                };
                match value {
                    Value::Null => {}
                    Value::String(text) if text.is_empty() => {}
                    Value::String(text) => *place = Some(text.clone()),
                    _ => return Err(wrong("is the path of a folder")),
                }
            }
        }
        Ok(filesystem)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::{Configuration, Document, Filesystem};

    fn read(text: &str) -> crate::Result<Filesystem> {
        Configuration::new([Document::read("c.yaml", &format!("configurations:\n{text}")).unwrap()]).filesystem()
    }

    #[test]
    fn later_entries_win_member_by_member_under_both_names() {
        let read = read(
            "- {type: filesystem.config.ocm.software, tempFolder: a, workingDirectory: w}\n\
             - {type: filesystem.config.ocm.software/v1alpha1, tempFolder: b}\n",
        );
        let expected = Filesystem { temp_folder: Some("b".into()), working_directory: Some("w".into()) };
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn mistakes_are_named() {
        let problem = read("- {type: filesystem.config.ocm.software, tempDir: a}\n").unwrap_err().to_string();
        assert!(problem.contains("c.yaml:2:") && problem.contains("tempDir is unknown"), "{problem}");
    }
}
