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
