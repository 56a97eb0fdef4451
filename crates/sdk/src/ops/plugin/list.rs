use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use crate::Context;

/// Asks the programs in the plugin folders what they offer. Nothing keeps running.
pub async fn list(context: &Context) -> List {
    let found = context.plugins().found().await;
    let plugins = found.programs.iter().map(|program| {
        let offers = program.announcement.offers.iter().map(|offer| Offered {
            capability: offer.capability.name().to_owned(),
            types: offer.types.iter().map(|kind| kind.name.clone()).collect(),
        });
        Plugin { name: program.name(), path: program.path.clone(), capabilities: offers.collect() }
    });
    let faults = found.faults.iter().map(|fault| Fault { path: fault.path.clone(), reason: fault.reason.clone() });
    List { plugins: plugins.collect(), left_out: faults.collect() }
}

/// The plugins that can be used.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct List {
    /// The plugins, in the order in which types are looked for.
    pub plugins: Vec<Plugin>,
    /// Programs, and parts of what they offer, that are left out.
    pub left_out: Vec<Fault>,
}

/// A plugin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// Name of its file.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What it offers.
    pub capabilities: Vec<Offered>,
}

/// A capability of a plugin.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Offered {
    /// Name of the capability: `resourceRepository`, `inputRepository`.
    pub capability: String,
    /// Its types.
    pub types: Vec<String>,
}

/// A program that is left out.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The program or folder.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}
