use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::environment;

/// Shortest secret that is looked for; shorter ones would turn ordinary words into stars.
const SHORTEST: usize = 4;

/// Knows what a plugin was told in confidence, and takes it out of what the plugin says.
#[derive(Debug, Default)]
pub(crate) struct Confidences(Mutex<Vec<String>>);

impl Confidences {
    /// Knows the passwords in an environment that a plugin sees: those of proxies.
    pub(crate) fn of(environment: &BTreeMap<String, String>) -> Self {
        let known = Self::default();
        for (_, address) in environment::passed(environment) {
            // A proxy may be named without a scheme.
            let address = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
            let user = address.rsplit_once('@').map(|(user, _)| user);
            if let Some((_, password)) = user.and_then(|user| user.split_once(':')) {
                known.add(password);
            }
        }
        known
    }

    /// Remembers a secret.
    pub(crate) fn add(&self, secret: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if secret.len() >= SHORTEST && !known.iter().any(|one| one == secret) {
            known.push(secret.to_owned());
            // The longest first: one secret may be a part of another.
            known.sort_by_key(|one| std::cmp::Reverse(one.len()));
        }
    }

    /// A text without secrets and without control characters, which could rewrite a terminal.
    pub(crate) fn clean(&self, text: &str) -> String {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = known.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"));
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_control_characters_are_taken_out() {
        let known = Confidences::default();
        known.add("hunter");
        known.add("hunter2");
        known.add("a");
        for proxy in ["http://me:canary@proxy:3128", "me:canary@proxy:3128"] {
            let proxies = BTreeMap::from([("https_proxy".to_owned(), proxy.to_owned())]);
            assert_eq!(
                Confidences::of(&proxies).clean("HTTPS_PROXY=http://me:canary@proxy"),
                "HTTPS_PROXY=http://me:***@proxy"
            );
        }
        assert_eq!(known.clean("said hunter2 and\u{1b}[2J a"), "said *** and [2J a");
    }
}
