//! What a plugin sees of the environment.

use std::collections::BTreeMap;

/// Variables that programs need to work at all: where things are, what language, which proxy and which roots. Everything else
/// stays here: passwords and tokens of other programs live in the environment.
const PASSED: [&str; 22] = [
    "ALL_PROXY",
    "APPDATA",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LOCALAPPDATA",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "PATHEXT",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TZ",
    "USER",
    "USERPROFILE",
    "WINDIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
];

/// The variables of `environment` that a plugin is given.
pub(crate) fn passed(environment: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    environment.iter().filter(|(name, _)| {
        let name = name.to_ascii_uppercase();
        PASSED.contains(&name.as_str()) || name.starts_with("LC_")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_others_stay_here() {
        let environment = ["PATH", "https_proxy", "LC_ALL", "GITHUB_TOKEN", "DOCKER_AUTH_CONFIG", "LD_PRELOAD"];
        let environment = environment.map(|name| (name.to_owned(), "x".to_owned())).into();
        let names: Vec<_> = passed(&environment).map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["LC_ALL", "PATH", "https_proxy"]);
    }
}
