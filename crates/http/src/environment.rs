use crate::{Proxies, Settings};

impl Settings {
    /// Reads the usual proxy variables (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case) from the
    /// variables that the program hands in. The lower-case spelling wins, as with curl.
    #[must_use]
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut found = Vec::new();
        let mut inside_cgi = false;
        for (name, value) in variables {
            inside_cgi |= name == "REQUEST_METHOD";
            if !value.is_empty() {
                found.push((name, value));
            }
        }
        let value = |name: &str| found.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let either = |name: &str| value(&name.to_lowercase()).or_else(|| value(name));
        // A CGI server passes the request header `Proxy` on as HTTP_PROXY (httpoxy, CVE-2016-5385).
        let http = if inside_cgi { value("http_proxy") } else { either("HTTP_PROXY") };
        let all = either("ALL_PROXY");
        // `proxy:3128`, as people write it for all programs, is a host and no scheme.
        let whole = |proxy: String| if proxy.contains("://") { proxy } else { format!("http://{proxy}") };
        let proxies = Proxies {
            http: http.or_else(|| all.clone()).map(whole),
            https: either("HTTPS_PROXY").or(all).map(whole),
            direct: either("NO_PROXY").unwrap_or_default(),
        };
        Self { proxies, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Proxies {
        Settings::from_environment(variables.iter().map(|(name, value)| ((*name).into(), (*value).into()))).proxies
    }

    #[test]
    fn the_lower_case_spelling_wins() {
        let proxies = settings(&[("HTTPS_PROXY", "http://upper"), ("https_proxy", "http://lower"), ("NO_PROXY", "a")]);
        assert_eq!(proxies.https.as_deref(), Some("http://lower"));
        assert_eq!((proxies.http, proxies.direct.as_str()), (None, "a"));
    }

    #[test]
    fn a_proxy_without_a_scheme_is_a_host() {
        let proxies = settings(&[("HTTPS_PROXY", "proxy:3128"), ("HTTP_PROXY", "me:secret@127.0.0.1:1")]);
        assert_eq!(proxies.https.as_deref(), Some("http://proxy:3128"));
        assert_eq!(proxies.http.as_deref(), Some("http://me:secret@127.0.0.1:1"));
    }

    #[test]
    fn a_request_header_does_not_become_a_proxy() {
        assert_eq!(settings(&[("HTTP_PROXY", "http://evil"), ("REQUEST_METHOD", "GET")]).http, None);
        assert_eq!(settings(&[("ALL_PROXY", "socks5://p")]).http.as_deref(), Some("socks5://p"));
    }
}
