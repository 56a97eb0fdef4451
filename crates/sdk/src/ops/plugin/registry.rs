use ocm_model::{Descriptor, Label};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ops::get::{self, Node, Unresolved};
use crate::{Context, Error, Kind, Result};

/// Label of a reference that says what the plugin behind it is.
const LABEL: &str = "ocm.software/pluginInfo";

/// Lists the plugins of registries: component versions that refer to plugins.
///
/// # Errors
/// [`Kind::NotFound`] if a registry, or the plugin that was asked for, does not exist; [`Kind::Usage`] for a reference whose
/// label is not what it has to be.
pub async fn registry(context: &Context, request: &Registry) -> Result<RegistryReport> {
    let mut report = RegistryReport::default();
    let mut searched = Vec::new();
    for reference in &request.registries {
        let versions = get::Request {
            references: vec![reference.clone()],
            latest: true,
            recursive: request.descriptors,
            unresolved: Unresolved::Show,
            ..get::Request::default()
        };
        for root in get::run(context, &versions).await?.roots {
            let name = named(reference, &root);
            searched.push(format!("{name:?}"));
            read(&name, root, request, &mut report)?;
        }
    }
    if let (true, Some(plugin)) = (report.plugins.is_empty(), &request.plugin) {
        let version = request.version.as_ref().map(|version| format!(":{version}")).unwrap_or_default();
        let registries = searched.join(", ");
        let message = format!("plugin \"{plugin}{version}\" not found in specified registries: {registries}");
        return Err(Error::new(Kind::NotFound, message).hint("ocm plugin registry list shows what they have"));
    }
    report.plugins.sort_by(|one, other| {
        (&one.name, &one.version, &one.registry).cmp(&(&other.name, &other.version, &other.registry))
    });
    Ok(report)
}

/// The reference of a registry with its version.
fn named(reference: &str, root: &Node) -> String {
    let of = |component: &str| format!("//{component}");
    let is_bare = reference.rsplit_once(&of(&root.component)).is_some_and(|(_, rest)| rest.is_empty());
    if is_bare { format!("{reference}:{}", root.version) } else { reference.to_owned() }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Info {
    description: String,
    platforms: Vec<String>,
}

fn read(registry: &str, root: Node, request: &Registry, report: &mut RegistryReport) -> Result<()> {
    let Some(descriptor) = root.descriptor else { return Ok(()) };
    for reference in &descriptor.component.component_references {
        let Some(info) = info(registry, &reference.name, &reference.labels)? else { continue };
        let is_wanted = request.plugin.as_ref().is_none_or(|plugin| *plugin == reference.name)
            && request.version.as_ref().is_none_or(|version| *version == reference.version);
        if !is_wanted {
            continue;
        }
        report.plugins.push(Listed {
            name: reference.name.clone(),
            version: reference.version.clone(),
            platforms: info.platforms,
            description: info.description,
            registry: registry.to_owned(),
            component: String::new(),
        });
        if request.descriptors {
            let target = root
                .children
                .iter()
                .find(|child| child.component == reference.component_name && child.version == reference.version);
            let found = target.and_then(|child| child.descriptor.as_deref().cloned()).ok_or_else(|| {
                let (component, version) = (&reference.component_name, &reference.version);
                Error::new(Kind::NotFound, format!("{component}:{version}, which {registry} refers to, is not found"))
            })?;
            report.descriptors.push(found);
        }
    }
    Ok(())
}

/// What a reference says of its plugin; `None` for a reference to something else.
fn info(registry: &str, name: &str, labels: &[Label]) -> Result<Option<Info>> {
    let Some(label) = labels.iter().find(|label| label.name == LABEL) else { return Ok(None) };
    Info::deserialize(&label.value)
        .map(Some)
        .map_err(|error| Error::usage(format!("{registry}: reference {name:?}: label {LABEL}: {error}")))
}

/// Which plugins of which registries.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Registry {
    /// References of registries; one without a version means its newest.
    pub registries: Vec<String>,
    /// Only the plugin of this name.
    pub plugin: Option<String>,
    /// Only this version of it.
    pub version: Option<String>,
    /// Whether the descriptors of the plugins are read, too.
    pub descriptors: bool,
}

/// The plugins of registries.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistryReport {
    /// The plugins, by name, version and registry.
    pub plugins: Vec<Listed>,
    /// Their descriptors, if they were asked for.
    #[schemars(with = "Vec<serde_json::Value>")]
    pub descriptors: Vec<Descriptor>,
}

/// A plugin of a registry.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Name of the reference.
    pub name: String,
    /// Version.
    pub version: String,
    /// Platforms that it is there for: `linux/amd64`.
    pub platforms: Vec<String>,
    /// What it is for.
    pub description: String,
    /// Reference of the registry.
    pub registry: String,
    /// Always empty; scripts of the older program expect the member.
    pub component: String,
}
