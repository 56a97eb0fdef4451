//! One module per verb: its request, its report, and `run`.

pub mod add;
pub mod download;
pub mod elements;
pub mod get;
pub mod list;
pub mod serve;
pub mod transfer;
