/// Why credentials could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The configuration is not what Docker would write.
    #[error("{origin}: not a docker configuration: {reason}")]
    Configuration {
        /// Where the text came from.
        origin: String,
        /// What is wrong with it; never contains its values.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{origin}: {reason}")]
    File {
        /// The file.
        origin: String,
        /// Why.
        reason: String,
    },
    /// What a part of the configuration names failed.
    #[error("{origin}: {place}: {reason}")]
    Entry {
        /// The file.
        origin: String,
        /// The part of it.
        place: String,
        /// What happened.
        reason: String,
    },
    /// A helper program failed. Its output may hold secrets and is not repeated.
    #[error("credential helper {program} failed for {host}: {reason}")]
    Helper {
        /// Name of the program.
        program: String,
        /// Host it was asked about.
        host: String,
        /// What happened.
        reason: String,
    },
}
