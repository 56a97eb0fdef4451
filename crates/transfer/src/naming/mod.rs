//! Which names images get that are stored beside their component version: a template, rules for single ones, and what
//! happens when two of them would get the same.

mod name;
mod rule;
mod template;

pub(crate) use name::{Asked, Name, Names, Request, chart_name, name_all};
pub use rule::{Match, Placement, Rule};
pub use template::Template;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How images with a name of their own are called in the target.
#[derive(Clone, Debug, Default)]
pub struct Naming {
    /// The name where no rule gives one.
    pub template: Template,
    /// Names of single images; the first rule that fits counts.
    pub rules: Vec<Rule>,
    /// One more name, in a registry, for images that are stored with their component version; none without it.
    pub also: Option<Template>,
    /// What to do when two different images would get the same name.
    pub collision: Collision,
}

impl Naming {
    /// Whether images keep the names they have.
    pub(crate) fn is_plain(&self) -> bool {
        self.template == Template::default() && self.rules.is_empty()
    }
}

/// What to do when two different images would get the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Collision {
    /// Fail before anything is moved.
    #[default]
    Error,
    /// Put the host that each came from behind its name.
    SuffixHost,
    /// Let the later one have it; component versions refer to both by digest.
    Overwrite,
}
