use serde_json::Value;

/// A walk from a variable into its value: `environment.x.component.resources[0]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    /// The variable.
    pub(super) root: String,
    /// The steps.
    pub(super) steps: Vec<Step>,
}

/// One step of a walk.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    /// Where to.
    pub(super) to: To,
    /// Whether it may lead nowhere: `.?name`, or the last one inside of `has(…)`.
    pub(super) is_optional: bool,
}

/// Where a step leads.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum To {
    /// To a member.
    Member(String),
    /// To an item, from 0.
    Item(usize),
    /// To what only the run tells: everything behind it is unknown.
    Computed,
}

impl Step {
    pub(super) fn follow<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        match &self.to {
            To::Member(name) => value.get(name),
            To::Item(position) => value.get(position),
            To::Computed => None,
        }
    }
}

impl Path {
    /// Whether every step must lead somewhere, so that the walk alone is the value.
    pub(super) fn is_plain(&self) -> bool {
        self.steps.iter().all(|step| !step.is_optional && step.to != To::Computed)
    }

    /// The name of the member that a step leads to.
    pub(super) fn member(&self, position: usize) -> Option<&str> {
        match &self.steps.get(position)?.to {
            To::Member(name) => Some(name),
            To::Item(_) | To::Computed => None,
        }
    }

    /// Walks the steps from `position` on.
    pub(super) fn walk<'a>(&self, position: usize, mut value: &'a Value) -> Result<&'a Value, String> {
        for (number, step) in self.steps.iter().enumerate().skip(position) {
            value = step.follow(value).ok_or_else(|| format!("{} does not exist", self.text(number + 1)))?;
        }
        Ok(value)
    }

    /// The first `steps` steps as they are written.
    pub(super) fn text(&self, steps: usize) -> String {
        self.steps.iter().take(steps).fold(self.root.clone(), |text, step| match &step.to {
            To::Member(name) => format!("{text}.{name}"),
            To::Item(position) => format!("{text}[{position}]"),
            To::Computed => format!("{text}[…]"),
        })
    }
}
