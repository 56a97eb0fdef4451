//! `helm`: a chart of a Helm repository, by HTTP with an `index.yaml`, or of a registry (`oci://`).
//!
//! A chart that comes as a file becomes the OCI artifact that Helm itself would push: the file is one of its layers, byte
//! for byte, so that its digest stays checkable.

mod artifact;
mod chart;
mod index;
mod remote;

pub use artifact::{CHART, CHART_OLD, CONFIG, LARGEST_CHART, PROVENANCE, chart_layer, chart_of};
pub use chart::{Chart, LARGEST_METADATA};
pub use remote::Remote;

pub(crate) use remote::{digest, open, pinned};
