use ocm_http::{HeaderMap, header};

/// What a registry wants to see before it answers (RFC 9110, 11.6.1; Docker's token authentication).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User and password with every request.
    Basic,
    /// A token from the service at `realm`.
    Bearer {
        /// Address of the token service, as sent.
        realm: String,
        /// Name of the registry to the token service.
        service: Option<String>,
        /// What the token must allow.
        scope: String,
    },
}

impl Challenge {
    /// The challenge of a refused request; a token is preferred where both are offered.
    pub(super) fn read(headers: &HeaderMap) -> Option<Self> {
        let mut found = None;
        for value in headers.get_all(header::WWW_AUTHENTICATE) {
            let Ok(value) = value.to_str() else { continue };
            for (scheme, parameters) in split(value) {
                let parameter = |name: &str| {
                    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
                };
                if scheme.eq_ignore_ascii_case("bearer") {
                    if let Some(realm) = parameter("realm").filter(|realm| !realm.is_empty()) {
                        let scope = parameter("scope").unwrap_or_default();
                        return Some(Self::Bearer { realm, service: parameter("service"), scope });
                    }
                } else if scheme.eq_ignore_ascii_case("basic") {
                    found = Some(Self::Basic);
                }
            }
        }
        found
    }
}

type Parameters = Vec<(String, String)>;

/// Splits `Scheme key=value, key="quoted", Scheme2 …`. Unreadable parts are left out.
fn split(value: &str) -> Vec<(String, Parameters)> {
    let mut challenges: Vec<(String, Parameters)> = Vec::new();
    let mut rest = value.trim_start_matches([' ', ',', '\t']);
    while !rest.is_empty() {
        let end = rest.find(['=', ' ', ',', '\t']).unwrap_or(rest.len());
        let word = &rest[..end];
        let after = rest[end..].trim_start();
        match after.strip_prefix('=').filter(|_| !word.is_empty()) {
            Some(text) => {
                let (parameter, remaining) = parameter_value(text.trim_start());
                if let Some((_, parameters)) = challenges.last_mut() {
                    parameters.push((word.to_owned(), parameter));
                }
                rest = remaining;
            }
            None if word.is_empty() => rest = after.get(1..).unwrap_or_default(),
            None => {
                challenges.push((word.to_owned(), Vec::new()));
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', ',', '\t']);
    }
    challenges
}

fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut escaped = false;
    for (position, character) in quoted.char_indices() {
        match character {
            _ if escaped => {
                value.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &quoted[position + 1..]),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Option<Challenge> {
        Challenge::read(&values.iter().map(|value| (header::WWW_AUTHENTICATE, value.parse().unwrap())).collect())
    }

    #[test]
    fn challenges_in_the_wild() {
        let bearer = |realm: &str, service: Option<&str>, scope: &str| {
            Some(Challenge::Bearer { realm: realm.into(), service: service.map(Into::into), scope: scope.into() })
        };
        let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#;
        assert_eq!(
            read(&[hub]),
            bearer("https://auth.docker.io/token", Some("registry.docker.io"), "repository:a/b:pull,push")
        );
        assert_eq!(read(&["Basic realm=\"x, Bearer realm=y\""]), Some(Challenge::Basic));
        assert_eq!(read(&["basic"]), Some(Challenge::Basic));
        assert_eq!(read(&["Negotiate", "Basic realm=x"]), Some(Challenge::Basic));
        assert_eq!(read(&["Basic realm=x, bearer REALM = \"/token\" , service=s"]), bearer("/token", Some("s"), ""));
        assert_eq!(
            read(&[r#"Bearer realm="https://h/\"q\"",error="insufficient_scope""#]),
            bearer("https://h/\"q\"", None, "")
        );
        for nothing in
            ["", ",,,", "Bearer", "Bearer service=x", "=", "Bearer realm=\"\"", "Digest realm=x", "\"", "= = ="]
        {
            assert_eq!(read(&[nothing]), None, "{nothing}");
        }
    }
}
