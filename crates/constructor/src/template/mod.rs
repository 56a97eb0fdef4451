//! Variables in constructor files: which engine puts them in, and where their values come from.
//!
//! Files of the current program know `${NAME}` only, and values are put into single texts after the document was
//! understood, so no value can change its structure ([`Engine::Dollar`]). The engines of the older program rewrite the text
//! before it is understood, because its files have loops and conditions around components.

mod dollar;
mod envsubst;
mod functions;
mod gotemplate;
mod repair;
mod variables;

use serde::{Deserialize, Serialize};

pub use variables::Variables;

use crate::file::{Node, Reading, Text, parse};
use crate::problem::{Problem, Problems};

/// What replaces variables in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// `${NAME}`, an error if it is not set; `$${NAME}` stands for the text `${NAME}`. A value that is nothing but
    /// `$NAME`, without quotes, is a variable too; every other `$` is a dollar.
    #[default]
    Dollar,
    /// `${NAME}` with the operators of a shell (`${NAME:-default}`, `${NAME^^}`), before the text is understood.
    Subst,
    /// Go's `text/template`, before the text is understood.
    Go,
    /// Nothing is replaced.
    None,
    /// [`Engine::Go`] for texts with `{{`, else [`Engine::Subst`].
    Auto,
}

impl Engine {
    /// The engine of a name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "env" => Self::Dollar,
            "go" => Self::Go,
            "subst" => Self::Subst,
            "none" => Self::None,
            "auto" => Self::Auto,
            _ => return None,
        })
    }

    /// Names for the command line.
    pub const NAMES: [&'static str; 5] = ["auto", "env", "subst", "go", "none"];
}

/// The documents of a file with all variables in.
pub(crate) fn documents(text: &Text, reading: &Reading, notices: &mut Vec<Problem>) -> Result<Vec<Node>, Problems> {
    let (name, content) = (text.name.as_str(), text.content.as_str());
    let engine = match reading.engine {
        Engine::Auto if content.contains("{{") || repair::is_split(content) => Engine::Go,
        Engine::Auto => Engine::Subst,
        engine => engine,
    };
    match engine {
        Engine::Dollar => dollar::documents(name, content, &reading.variables, notices),
        Engine::Subst => parse(name, &envsubst::render(name, content, &reading.variables, reading.allow_unset)?),
        Engine::Go => {
            let content = repair::join_split(name, content, notices);
            parse(name, &gotemplate::render(name, &content, &reading.variables)?)
        }
        Engine::None | Engine::Auto => parse(name, content),
    }
}

/// Says that a variable is not set, which one may have been meant, and where to set it.
fn not_set(name: &str, variables: &Variables, where_to_set: &str) -> String {
    let near = ocm_model::near_miss(name, variables.names())
        .map_or_else(String::new, |near| format!("; did you mean {near}?"));
    format!("the variable {name} is not set: {where_to_set}{near}")
}
