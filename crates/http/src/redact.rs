use url::Url;

/// Parts of a query parameter's name that mark its value as a secret.
const SECRET: [&str; 9] = ["signature", "token", "credential", "secret", "password", "key", "sig", "auth", "policy"];

/// Longest address that is looked at for a user, in characters.
const LONGEST: usize = 1024;

/// A URL as it may be shown: without user and password, without the values of parameters that grant access (the
/// signatures of presigned URLs above all), without fragment.
///
/// Text that is no URL is shown as it is, but for what looks like a user; with a scheme, up to any `@`, because a password that
/// should have been escaped may be what keeps it from being one.
pub fn redacted(url: impl AsRef<str>) -> String {
    let text = url.as_ref();
    let (scheme, rest) = text.find("://").map_or(("", text), |colon| text.split_at(colon + "://".len()));
    let user = end_of_user(rest);
    let shown = |end: usize| format!("{scheme}***{}", &rest[end..]);
    let Some(mut url) = Url::parse(text).ok().filter(Url::has_host) else {
        let user = user.or_else(|| rest.rfind('@').filter(|_| !scheme.is_empty()));
        return user.map_or_else(|| text.to_owned(), shown);
    };
    if let Some(end) = user.filter(|end| *end > authority(rest).len()) {
        // What the URL has for a host, a path or a query is a part of the password.
        let shown = shown(end);
        return shown.split(['?', '#']).next().unwrap_or_default().to_owned();
    }
    // Neither fails for an address that had a user part.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_fragment(None);
    if let Some(query) = url.query() {
        let shown: Vec<String> = query.split('&').map(redacted_parameter).collect();
        url.set_query(Some(&shown.join("&")));
    }
    url.into()
}

/// Text without the users and passwords in its addresses: whoever wrote a password into an address meets it in messages, and
/// those end up in the logs of pipelines.
pub fn without_users(text: &str) -> String {
    let is_end = |letter: char| letter.is_whitespace() || "\"'`<>".contains(letter);
    let mut shown = String::with_capacity(text.len());
    for mut word in text.split_inclusive(is_end) {
        while let Some(colon) = word.find("://").filter(|_| word.contains('@')) {
            let (before, address) = word.split_at(colon + "://".len());
            shown.push_str(before);
            let end = address.char_indices().nth(LONGEST).map_or(address.len(), |(end, _)| end);
            word = match end_of_user(&address[..end]) {
                Some(user) => {
                    shown.push_str("***");
                    &address[user..]
                }
                None => address,
            };
        }
        shown.push_str(word);
    }
    shown
}

/// The host of an address with what stands before and behind it; the scheme is no part of what is given.
fn authority(address: &str) -> &str {
    address.split(['/', '\\', '?', '#']).next().unwrap_or(address)
}

/// Where the user ends that an address begins with: at the `@` in front of the host.
///
/// A password with `/`, `?` or `#` in it should have been escaped, and is one all the same: nothing else stands before an `@` and
/// has a colon behind which there is no port. Digests have an `@` of their own, and so have scoped names, `/@acme/app`, and
/// versions of packages, `/app@1.0.0`.
fn end_of_user(address: &str) -> Option<usize> {
    let authority = authority(address);
    let is_digest = |text: &str| ["sha256:", "sha384:", "sha512:"].iter().any(|algorithm| text.starts_with(algorithm));
    let mut ends = address.match_indices('@').map(|(at, _)| at).filter(|at| !is_digest(&address[at + 1..]));
    if authority.contains('@') {
        return ends.next_back();
    }
    let (_, port) = authority.split_once(':').filter(|_| !authority.starts_with('['))?;
    let is_port = !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit());
    ends.rfind(|at| !is_port || !address[..*at].ends_with('/') && !begins_with_version(&address[at + 1..]))
}

/// Whether a text begins with a version that is no host: three numbers, which no address has, and no port behind them.
fn begins_with_version(text: &str) -> bool {
    let end =
        text.find(|letter: char| !letter.is_ascii_alphanumeric() && !".-+".contains(letter)).unwrap_or(text.len());
    let (version, behind) = text.split_at(end);
    let has_port = behind.strip_prefix(':').is_some_and(|port| port.starts_with(|digit: char| digit.is_ascii_digit()));
    let core = version.split(['-', '+']).next().unwrap_or_default();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    // The last part of a host's name is no number, and none has a plus.
    let last = version.rsplit('.').next().unwrap_or_default();
    let is_no_host = version.contains('+') || version.matches('.').count() == 2 || is_number(last);
    !has_port && is_no_host && core.split('.').count() == 3 && core.split('.').all(is_number)
}

fn redacted_parameter(parameter: &str) -> String {
    match secret_parameter(parameter) {
        Some((name, _)) => format!("{name}=***"),
        None => parameter.to_owned(),
    }
}

/// Name and value of a parameter that grants access, as they stand in the address.
fn secret_parameter(parameter: &str) -> Option<(&str, &str)> {
    let (name, value) = parameter.split_once('=')?;
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8_lossy().to_ascii_lowercase();
    SECRET.iter().any(|secret| decoded.contains(secret)).then_some((name, value))
}

/// The values in an address that grant access, as they stand there and as they are meant.
pub(crate) fn secrets(url: &Url) -> impl Iterator<Item = String> {
    let values = url.query().unwrap_or_default().split('&').filter_map(secret_parameter);
    values.flat_map(|(_, value)| {
        let meant = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        [value.to_owned(), meant]
    })
}

#[cfg(test)]
mod tests {
    use super::{redacted, without_users};

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
            ("https://host:5000/a@sha256:1", "https://host:5000/a@sha256:1"),
            ("https://me:canary@host/a@sha256:1", "https://host/a@sha256:1"),
            ("https://host:5000/@acme/app", "https://host:5000/@acme/app"),
            ("https://[::1]:5000/a@b", "https://[::1]:5000/a@b"),
            ("http://h:4873/pkg@1.0.0", "http://h:4873/pkg@1.0.0"),
            ("http://h:4873/@acme/pkg@1.0.0-rc.1", "http://h:4873/@acme/pkg@1.0.0-rc.1"),
            ("http://me:1/canary@10.0.0.1/p", "http://***@10.0.0.1/p"),
            ("http://me:1/canary@1.0.0:3128", "http://***@1.0.0:3128"),
            ("http://me:1/canary@1.0.0-a.example.com", "http://***@1.0.0-a.example.com"),
            ("me:can/ary@proxy:3128", "***@proxy:3128"),
            ("http://me:1/canary@proxy", "http://***@proxy"),
            ("http://me:c@n?canary@proxy?sig=canary", "http://***@proxy"),
            ("http://me:c@n#canary@proxy", "http://***@proxy"),
            ("http://me:\\canary@proxy", "http://***@proxy"),
        ] {
            assert_eq!(redacted(url), shown);
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        for (text, shown) in [
            ("http://u:secret@h:1/a: x", "http://***@h:1/a: x"),
            (r#"argument "https://secret@h" and oci://u:s@t@h/b"#, r#"argument "https://***@h" and oci://***@h/b"#),
            ("http://h/a@sha256:1 mails a@b", "http://h/a@sha256:1 mails a@b"),
            ("http://h 'u@v'", "http://h 'u@v'"),
            ("://", "://"),
            ("http://h:1/a@sha256:1, u@v", "http://h:1/a@sha256:1, u@v"),
            ("http://h:1/a,http://u:s/e@h/b@sha256:1", "http://***@h/b@sha256:1"),
            ("http://h/a,http://u:s@h", "http://h/a,http://***@h"),
            ("http://h:4873/pkg@1.0.0: not found", "http://h:4873/pkg@1.0.0: not found"),
            ("http://h:4873/pkg@1.0.0+x, u@v", "http://h:4873/pkg@1.0.0+x, u@v"),
        ] {
            assert_eq!(without_users(text), shown);
        }
        for password in ["can/ary", "can?ary", "can#ary", "1/2", "c@n/ary", "/canary", "canary#", "can://ary"] {
            let text = format!("proxy \"http://me:{password}@h:3128/p\": no answer");
            assert_eq!(without_users(&text), "proxy \"http://***@h:3128/p\": no answer", "{password}");
        }
    }

    #[test]
    fn a_text_full_of_addresses_takes_no_time() {
        let text = "x://h/".repeat(10_000) + "a@b";
        assert!(without_users(&text) == text);
    }
}
