use std::time::Duration;

use serde_json::Value;

use crate::{Entry, Error, Place, Result, duration};

/// Where plugins are and how long they wait (`plugin.config.ocm.software`). What was not said is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugins {
    /// How long a plugin waits for work before it ends itself.
    pub idle_timeout: Option<Duration>,
    /// Folders of plugins, in order, with the place that names each; relative ones are meant from the folder of the file.
    pub locations: Vec<(Place, String)>,
}

impl Plugins {
    /// Reads entries in order: a later timeout wins, folders of all entries count.
    ///
    /// # Errors
    /// A member nobody knows, or a value that means nothing.
    pub(crate) fn read(entries: &[&Entry]) -> Result<Self> {
        let mut plugins = Self::default();
        for entry in entries {
            for (key, value) in &entry.members {
                let place = entry.place_of(&format!("/{key}"));
                let wrong = |reason: &str| Error::new(place, format_args!("{}: {key} {reason}", entry.kind));
                match (key.as_str(), value) {
                    ("idleTimeout" | "locations", Value::Null) => {}
                    ("idleTimeout", value) => {
                        let length = duration::read(value).filter(|length| !length.is_negative);
                        let length = length.ok_or_else(|| wrong("is a duration, such as 10m or 1h"))?;
                        plugins.idle_timeout = Some(length.length);
                    }
                    ("locations", Value::Array(locations)) => {
                        for location in locations {
                            let text = location.as_str().filter(|text| !text.is_empty());
                            let text = text.ok_or_else(|| wrong("is a list of paths of folders"))?;
                            plugins.locations.push((place.clone(), text.to_owned()));
                        }
                    }
                    ("locations", _) => return Err(wrong("is a list of paths of folders")),
                    _ => return Err(wrong("is unknown; there are idleTimeout and locations")),
                }
            }
        }
        Ok(plugins)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use crate::{Configuration, Document};

    fn read(text: &str) -> crate::Result<crate::Plugins> {
        Configuration::new([Document::read("c.yaml", &format!("configurations:\n{text}")).unwrap()]).plugins()
    }

    #[test]
    fn folders_add_up_and_the_last_timeout_counts() {
        let plugins = read(
            "- {type: plugin.config.ocm.software/v2alpha1, idleTimeout: 1h, locations: [a]}\n\
             - {type: plugin.config.ocm.software/v2alpha1, idleTimeout: 90s, locations: [b]}\n",
        );
        let plugins = plugins.unwrap();
        assert_eq!(plugins.idle_timeout, Some(Duration::from_secs(90)));
        assert_eq!(plugins.locations.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn mistakes_are_named() {
        for (members, reason) in [
            ("idleTimeout: soon", "idleTimeout is a duration"),
            ("locations: a", "locations is a list"),
            ("location: [a]", "location is unknown"),
        ] {
            let error =
                read(&format!("- {{type: plugin.config.ocm.software/v2alpha1, {members}}}\n")).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
