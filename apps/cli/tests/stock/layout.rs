use std::collections::BTreeMap;
use std::fs;

use ocm_testkit::fixtures::{self, Graph};
use serde_json::Value;

use crate::sandbox::Sandbox;

/// An OCI layout in a folder of a sandbox: what goes in, and what has to come out again.
pub(crate) struct Layout {
    pub(crate) folder: String,
    /// What the first entry of its index says.
    pub(crate) digest: String,
    pub(crate) media_type: String,
}

impl Layout {
    /// An image with two layers, tagged `1.0.0`; every seed gives another one.
    pub(crate) fn image(sandbox: &Sandbox, folder: &str, seed: u64) -> Self {
        Self::of(sandbox, folder, &fixtures::image_with(seed, 2, 10_000))
    }

    pub(crate) fn of(sandbox: &Sandbox, folder: &str, graph: &Graph) -> Self {
        graph.write_layout(&sandbox.path(folder), Some("1.0.0")).unwrap();
        Self::read(sandbox, folder)
    }

    pub(crate) fn read(sandbox: &Sandbox, folder: &str) -> Self {
        let index: Value = serde_json::from_slice(&sandbox.read(&format!("{folder}/index.json"))).unwrap();
        let text = |key: &str| index["manifests"][0][key].as_str().unwrap().to_owned();
        Self { folder: folder.to_owned(), digest: text("digest"), media_type: text("mediaType") }
    }

    /// Bytes of the root manifest.
    pub(crate) fn manifest(&self, sandbox: &Sandbox) -> Vec<u8> {
        sandbox.read(&format!("{}/blobs/{}", self.folder, self.digest.replace(':', "/")))
    }

    /// Everything in it, by hexadecimal digest.
    pub(crate) fn blobs(&self, sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
        let folder = fs::read_dir(sandbox.path(&self.folder).join("blobs/sha256")).unwrap();
        let files = folder.map(|file| file.unwrap());
        files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect()
    }
}
