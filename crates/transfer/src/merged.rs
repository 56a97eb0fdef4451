//! What a target says of a component version on its own account.

use std::collections::HashSet;

use ocm_model::Descriptor;
use ocm_model::descriptor::Label;
use serde_json::Value;

/// The descriptor with the labels that only the one of a target has; `None` if there are none.
///
/// No digest covers them, and each place may have its own: who promoted a version says so in one. A transfer that brings a
/// version up to date leaves them there. Of two labels with one name, the one of `ours` counts.
pub(crate) fn with_labels_of(theirs: &Descriptor, ours: &Descriptor) -> Option<Descriptor> {
    let mut merged = ours.clone();
    let (a, b) = (&mut merged.component, &theirs.component);
    let mut adds = add(&mut a.labels, &b.labels);
    adds |= add(&mut a.provider.labels, &b.provider.labels);
    for (our, their) in a.resources.iter_mut().zip(&b.resources) {
        adds |= our.identity() == their.identity() && add(&mut our.labels, &their.labels);
    }
    for (our, their) in a.sources.iter_mut().zip(&b.sources) {
        adds |= our.identity() == their.identity() && add(&mut our.labels, &their.labels);
    }
    for (our, their) in a.component_references.iter_mut().zip(&b.component_references) {
        adds |= our.identity() == their.identity() && add(&mut our.labels, &their.labels);
    }
    adds.then_some(merged)
}

fn add(ours: &mut Vec<Label>, theirs: &[Label]) -> bool {
    let known: HashSet<&str> = ours.iter().map(|label| label.name.as_str()).collect();
    let is_covered = |label: &Label| label.signing.as_ref().is_some_and(|signing| *signing != Value::Bool(false));
    let new = theirs.iter().filter(|label| !known.contains(label.name.as_str()) && !is_covered(label));
    let new: Vec<Label> = new.cloned().collect();
    let adds = !new.is_empty();
    ours.extend(new);
    adds
}
