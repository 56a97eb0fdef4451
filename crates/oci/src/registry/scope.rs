use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a token is asked to allow: actions by resource (`repository:name`, `registry:catalog`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Scope(BTreeMap<String, BTreeSet<String>>);

impl Scope {
    pub(super) fn pull(repository: &str) -> Self {
        Self::of(format!("repository:{repository}"), &["pull"])
    }

    pub(super) fn push(repository: &str) -> Self {
        Self::of(format!("repository:{repository}"), &["pull", "push"])
    }

    pub(super) fn delete(repository: &str) -> Self {
        Self::of(format!("repository:{repository}"), &["delete", "pull"])
    }

    pub(super) fn catalog() -> Self {
        Self::of("registry:catalog".into(), &["*"])
    }

    fn of(resource: String, actions: &[&str]) -> Self {
        Self([(resource, actions.iter().map(|action| (*action).to_owned()).collect())].into())
    }

    /// Reads `type:name:action,action` items between spaces; what has another form is left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut scope = Self::default();
        for item in text.split_ascii_whitespace() {
            if let Some((resource, actions)) = item.rsplit_once(':').filter(|(resource, _)| resource.contains(':')) {
                let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned);
                scope.0.entry(resource.to_owned()).or_default().extend(actions);
            }
        }
        scope
    }

    /// Both scopes as one.
    #[must_use]
    pub(super) fn and(mut self, other: &Self) -> Self {
        for (resource, actions) in &other.0 {
            self.0.entry(resource.clone()).or_default().extend(actions.iter().cloned());
        }
        self
    }

    /// Whether it is about several resources, of which one may be refused to somebody whom the registry knows.
    pub(super) fn is_of_several(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether everything in `other` is in here.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(resource, actions)| self.0.get(resource).is_some_and(|own| own.is_superset(actions)))
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (resource, actions)) in self.0.iter().enumerate() {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            write!(f, "{}{resource}:{}", if number == 0 { "" } else { " " }, actions.join(","))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_unite() {
        let both = Scope::pull("a").and(&Scope::push("b")).and(&Scope::parse("repository:a:push  nonsense"));
        assert_eq!(both.to_string(), "repository:a:pull,push repository:b:pull,push");
        assert!(both.covers(&Scope::push("a")) && !both.covers(&Scope::delete("a")));
    }
}
