use url::Url;

/// Parts of a query parameter's name that mark its value as a secret.
const SECRET: [&str; 9] = ["signature", "token", "credential", "secret", "password", "key", "sig", "auth", "policy"];

/// A URL as it may be shown: without user and password, without the values of parameters that grant access (the
/// signatures of presigned URLs above all), without fragment.
///
/// Text that is no URL is shown as it is, up to an `@` in its first part; with a scheme, up to any `@`, because a password that
/// should have been escaped may be what keeps it from being one.
pub fn redacted(url: impl AsRef<str>) -> String {
    let text = url.as_ref();
    let url = Url::parse(text).ok().filter(Url::has_host);
    let Some(mut url) = url else {
        if let Some((scheme, rest)) = text.split_once("://") {
            return match rest.rsplit_once('@') {
                Some((_, shown)) => format!("{scheme}://***@{shown}"),
                None => text.to_owned(),
            };
        }
        let authority = text.split('/').next().unwrap_or(text);
        return match authority.rsplit_once('@') {
            Some((userinfo, _)) => format!("***{}", &text[userinfo.len()..]),
            None => text.to_owned(),
        };
    };
    if !url.username().is_empty() || url.password().is_some() {
        // A password with `@` and `/` in it, unescaped, ends behind what looks like the host.
        if let Some((_, rest)) = text.rsplit_once('@').filter(|_| url.path().contains('@')) {
            return format!("{}://***@{}", url.scheme(), rest.split(['?', '#']).next().unwrap_or_default());
        }
        // Neither fails for an address that had a user part.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.set_fragment(None);
    if let Some(query) = url.query() {
        let shown: Vec<String> = query.split('&').map(redacted_parameter).collect();
        url.set_query(Some(&shown.join("&")));
    }
    url.into()
}

fn redacted_parameter(parameter: &str) -> String {
    let Some((name, _)) = parameter.split_once('=') else { return parameter.to_owned() };
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    if SECRET.iter().any(|secret| decoded.contains(secret)) { format!("{name}=***") } else { parameter.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn secrets_do_not_show() {
        for (url, shown) in [
            ("https://user:pass@host/a", "https://host/a"),
            ("https://host/a?X-Amz-Signature=canary&X-Amz-Date=1", "https://host/a?X-Amz-Signature=***&X-Amz-Date=1"),
            ("https://host/a?sig=canary&se=2#frag", "https://host/a?sig=***&se=2"),
            ("https://host/a?access_token=canary", "https://host/a?access_token=***"),
            ("https://host/a?X%2DAmz%2DSecurity%2DToken=canary", "https://host/a?X%2DAmz%2DSecurity%2DToken=***"),
            ("https://host/v2/x/tags/list?n=100&last=v1", "https://host/v2/x/tags/list?n=100&last=v1"),
            ("user:canary@host/a@sha256:1", "***@host/a@sha256:1"),
            ("host/a@sha256:1", "host/a@sha256:1"),
            ("http://me:canary@[", "http://***@["),
            ("http://me:can/ary@proxy:3128", "http://***@proxy:3128"),
            ("http://[", "http://["),
            ("http://me:can@ary/canary@proxy:3128", "http://***@proxy:3128"),
            ("https://host/a@sha256:1", "https://host/a@sha256:1"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }
}
