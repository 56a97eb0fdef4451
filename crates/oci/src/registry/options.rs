use std::collections::BTreeSet;
use std::path::PathBuf;

/// What a registry client may do and how much it takes in; the defaults suit every registry known.
#[derive(Clone, Debug)]
pub struct RemoteOptions {
    /// Largest manifest or index in bytes; 4 MiB by default, which every registry must accept, at most 16 MiB.
    pub manifest_limit: u64,
    /// Largest page of a list in bytes.
    pub page_limit: u64,
    /// Largest list in bytes, all its pages together; 32 MiB by default, about a million tags.
    pub list_limit: u64,
    /// Pages of a list that are followed before the list is taken for endless.
    pub pages: usize,
    /// Bytes sent at once where a registry takes blobs in pieces only; more if the registry asks for more.
    pub chunk: usize,
    /// Hosts that may see this registry's credentials as its token service, beside the registry itself and the ones
    /// known (Docker Hub's, GitLab.com's).
    pub token_hosts: BTreeSet<String>,
    /// Folder in which open uploads of large blobs are remembered, so that another process goes on with them. It is made
    /// when needed, for its owner alone. `None`: an upload ends with its process.
    pub uploads: Option<PathBuf>,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            manifest_limit: 4 << 20,
            page_limit: 4 << 20,
            list_limit: 32 << 20,
            pages: 10_000,
            chunk: 16 << 20,
            token_hosts: BTreeSet::new(),
            uploads: None,
        }
    }
}
