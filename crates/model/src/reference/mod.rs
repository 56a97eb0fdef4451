//! References as people write them: to a repository, and to a component in a repository.

mod address;
mod component;
mod guess;
mod inline;
mod kind;
mod repository;

pub use component::ComponentReference;
pub use kind::FileFormat;
pub use repository::RepositoryReference;

/// The path element between a repository and the components in it.
pub const COMPONENT_DESCRIPTORS: &str = "component-descriptors";
