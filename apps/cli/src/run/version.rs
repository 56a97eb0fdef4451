use serde_json::{Map, Value, json};

use crate::args::{Dialect, Version, VersionFormat};
use crate::exit::Failure;
use crate::print::{json, out};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Prints the version. Starts nothing: scripts call this in front of everything else.
pub(crate) fn run(arguments: &Version, dialect: Dialect) -> Result<(), Failure> {
    let text = match (arguments.format, dialect) {
        (VersionFormat::Legacyjson, Dialect::V2) => json::compact(&legacy())? + "\n",
        (VersionFormat::Legacyjson, Dialect::V1) => json::compact(&oldest())? + "\n",
        (VersionFormat::Short, _) => format!("ocm {VERSION}\n"),
        (VersionFormat::Gobuildinfo, _) => build()
            .iter()
            .map(|(key, value)| format!("{key}\t{}\n", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .concat(),
        (VersionFormat::Gobuildinfojson, _) => json::indented(&build())?,
    };
    out(&text)
}

/// The object of the current program; members without a value are left out, as it does.
fn legacy() -> Map<String, Value> {
    let members = [
        ("major", env!("CARGO_PKG_VERSION_MAJOR")),
        ("minor", env!("CARGO_PKG_VERSION_MINOR")),
        ("patch", env!("CARGO_PKG_VERSION_PATCH")),
        ("prerelease", env!("CARGO_PKG_VERSION_PRE")),
        ("gitVersion", VERSION),
        ("gitCommit", commit()),
        ("buildDate", date()),
        ("goVersion", toolchain()),
        ("compiler", "rustc"),
    ];
    let platform = [("platform".to_owned(), Value::from(platform()))];
    members
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (key.to_owned(), value.into()))
        .chain(platform)
        .collect()
}

/// The object of the older program, which has every member.
fn oldest() -> Value {
    json!({
        "Major": env!("CARGO_PKG_VERSION_MAJOR"), "Minor": env!("CARGO_PKG_VERSION_MINOR"), "Patch": env!("CARGO_PKG_VERSION_PATCH"),
        "PreRelease": env!("CARGO_PKG_VERSION_PRE"), "Meta": "", "GitVersion": VERSION, "GitCommit": commit(), "GitTreeState": "",
        "BuildDate": date(), "GoVersion": toolchain(), "Compiler": "rustc", "Platform": platform(),
    })
}

/// How the program was built.
fn build() -> Map<String, Value> {
    let members =
        [("path", "ocm"), ("version", VERSION), ("commit", commit()), ("date", date()), ("toolchain", toolchain())];
    members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .chain([("platform".to_owned(), platform().into())])
        .collect()
}

/// Set by the release build; empty in any other.
fn commit() -> &'static str {
    option_env!("OCM_BUILD_COMMIT").unwrap_or_default()
}

/// Set by the release build; empty in any other.
fn date() -> &'static str {
    option_env!("OCM_BUILD_DATE").unwrap_or_default()
}

/// The member that names the Go release in the older programs says here what stands in its place.
fn toolchain() -> &'static str {
    concat!("rust", env!("CARGO_PKG_RUST_VERSION"))
}

/// Operating system and architecture by the names that OCI platforms use.
fn platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "darwin",
        other => other,
    };
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    };
    format!("{system}/{architecture}")
}
