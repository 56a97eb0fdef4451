//! Content whose recorded address was true once: a component version that was stored through one address and is read through
//! another, such as a port-forward and the name of the registry inside of a cluster.

mod locate;
mod opened;
mod rebase;

pub(crate) use locate::locate_layer;
pub use locate::{Located, expected, is_recognisable, locate, recognise};
pub use opened::Opened;
pub use rebase::{Rebased, Rebasing, own_name, rebase};
