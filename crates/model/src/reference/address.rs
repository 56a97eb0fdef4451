//! Addresses of registries and `file://` addresses of archives.

use percent_encoding::percent_decode_str;

/// An address in its two parts: what to contact and the path below it.
pub(super) struct Address {
    /// `[scheme://]host[:port]`
    pub(super) base_url: String,
    /// The path without slashes around it; `..` is not resolved.
    pub(super) sub_path: String,
}

/// An address as messages show it: a user and a password in front of its host are left out.
pub(super) fn shown(text: &str) -> String {
    let start = text.find("://").map_or(0, |colon| colon + 3);
    match end_of_user(&text[start..]) {
        Some(end) => format!("{}{}", &text[..start], &text[start + end + 1..]),
        None => text.to_owned(),
    }
}

/// Where a user in front of a host ends, at its `@`. The password may have slashes, so that it begins as a port does and goes on
/// as a path; in paths there is no `@` but those of digests.
fn end_of_user(address: &str) -> Option<usize> {
    let host = address.split('/').next().unwrap_or(address);
    let may_be_user = host.contains(':') && !host.starts_with('[');
    let is_digest = |at: &usize| ["sha256:", "sha512:"].iter().any(|name| address[at + 1..].starts_with(name));
    let behind = || address.match_indices('@').map(|(at, _)| at).rfind(|at| may_be_user && !is_digest(at));
    host.rfind('@').or_else(behind)
}

/// Takes an address apart. Whether the host exists or is one at all is for whoever contacts it to find out.
pub(super) fn split(text: &str) -> Result<Address, String> {
    if let Some(character) = text.chars().find(|c| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '\\'))
    {
        return Err(format!("contains {character:?}, which no registry address may"));
    }
    let scheme = super::guess::scheme(text).map_or(0, str::len);
    let start = if text[scheme..].starts_with("://") { scheme + 3 } else { 0 };
    let end = text[start..].find('/').map_or(text.len(), |slash| start + slash);
    let host = &text[start..end];
    if let Some(user) = end_of_user(&text[start..]) {
        // Dropping the user, as the Go program does, would contact the registry as somebody else.
        let host = text[start + user + 1..].split('/').next().unwrap_or_default();
        return Err(format!(
            "names a user in front of {host:?}: give credentials in the docker or ocm configuration instead"
        ));
    }
    if host.starts_with('[') && !host.contains(']') {
        return Err(format!("opens a bracket in {host:?} and does not close it"));
    }
    // `http:` is what is left of `http://` once the slashes at the end are cut off; the host would be called `http`.
    let is_scheme = matches!(host, "http:" | "https:" | "oci:");
    if is_scheme || host.is_empty() && (start > 0 || text.trim_matches('/').is_empty()) {
        return Err("has no host: write an address such as ghcr.io/acme".into());
    }
    Ok(Address { base_url: text[..end].to_owned(), sub_path: text[end..].trim_matches('/').to_owned() })
}

/// The path of a `file:` address, `None` for any other text.
pub(super) fn file_path(text: &str) -> Option<Result<String, String>> {
    if !has_file_scheme(text) {
        return None;
    }
    let (_, rest) = text.split_once(':')?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = path.strip_prefix("localhost/").map_or(path.to_owned(), |path| format!("/{path}"));
    // file:///C:/x names the drive C, not a folder of this name below the root.
    let path = match path.strip_prefix('/') {
        Some(windows) if super::guess::is_windows_path(windows) => windows.to_owned(),
        _ => path,
    };
    let path = if super::guess::is_windows_path(&path) { path.replace('\\', "/") } else { path };
    Some(match percent_decode_str(&path).decode_utf8() {
        Ok(path) if path.is_empty() => Err("is a file address without a path".into()),
        // Or else the path would be taken for an address when it is read again.
        Ok(path) if has_file_scheme(&path) => Ok(format!("./{path}")),
        Ok(path) => Ok(path.into_owned()),
        Err(_) => Err("is a file address whose path is not UTF-8".into()),
    })
}

fn has_file_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file"))
}
