//! References without `//`: where the repository ends and the component begins has to be found out.

use ocm_model::reference::ComponentReference;
use ocm_repository::ComponentRepository;

use crate::context::Purpose;
use crate::{Context, Error, Kind, Result, select};

/// Opens the repository of a reference. One without `//` is looked up in each of its readings.
///
/// # Errors
/// [`Kind::NotFound`] if no reading leads to something, [`Kind::Usage`] if more than one does: choosing in silence could
/// deliver another product.
pub(crate) async fn open(
    context: &Context,
    text: &str,
    reference: ComponentReference,
) -> Result<(ComponentRepository, ComponentReference)> {
    if !reference.interpreted {
        return Ok((select::open(context, &reference.repository).await?, reference));
    }
    let readings = ComponentReference::interpretations(text).map_err(Error::usage)?;
    let mut found = Vec::new();
    let mut failed = None;
    for reading in &readings {
        match look_up(context, reading).await {
            Ok(Some(repository)) => found.push((repository, reading.clone())),
            Ok(None) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if found.len() > 1 {
        let choices: Vec<_> = found.iter().map(|(_, reading)| spelled_out(reading)).collect();
        return Err(Error::usage(format!("{text} can mean {}", choices.join(" or ")))
            .hint("write // between the repository and the component"));
    }
    let Some((repository, reading)) = found.pop() else {
        let tried: Vec<_> = readings.iter().map(spelled_out).collect();
        let nothing = || Error::new(Kind::NotFound, format!("{text}: component version not found"));
        return Err(failed.unwrap_or_else(nothing).hint(format!("it was read as {}", tried.join(" and "))));
    };
    tracing::info!(reference = text, taken_for = spelled_out(&reading), "reference without //");
    Ok((repository, reading))
}

async fn look_up(context: &Context, reading: &ComponentReference) -> Result<Option<ComponentRepository>> {
    let repository = match context.open(&reading.repository, Purpose::Read).await {
        Err(error) if error.kind() == ocm_oci::Kind::NotFound => return Ok(None),
        opened => opened?,
    };
    let component = reading.component.as_str();
    let exists = match &reading.version {
        Some(version) => repository.exists(component, version).await?,
        None => !repository.versions(component).await?.is_empty(),
    };
    Ok(exists.then_some(repository))
}

/// The reference with everything that was left out.
fn spelled_out(reference: &ComponentReference) -> String {
    ComponentReference { interpreted: false, ..reference.clone() }.to_string()
}
