use super::access::{CHART_AUTHORITY, CHART_VERSION, WGET};
use super::field::{Known, any, text, texts, truth};

/// Inputs of the Go program.
pub(super) const TYPES: &[Known] = &[
    Known::listed(
        &["Dir/v1", "Dir", "dir", "dir/v1"],
        "input/dir/spec/v1/schemas/Dir",
        "Dir",
        "A folder as a tar archive.",
        &[
            text("path", "The folder, from the folder of the constructor file.").required(),
            text("mediaType", "Media type of the archive; application/x-tar by default."),
            truth("compress", "Whether the archive is compressed with gzip."),
            truth("preserveDir", "Whether the folder itself is part of the archive, not only what is in it."),
            truth("followSymlinks", "Whether links are replaced by what they lead to."),
            truth(
                "reproducible",
                "Whether times and owners are left out, so that the same files give the same digest.",
            ),
            texts("includeFiles", "Patterns of files that are taken; without any, all are."),
            texts("excludeFiles", "Patterns of files that are left out."),
        ],
    )
    .in_order(&["dir/v1", "Dir/v1", "dir", "Dir"]),
    Known::listed(
        &["File/v1", "File", "file", "file/v1"],
        "input/file/spec/v1/schemas/File",
        "File",
        "File describes an input sourced by a file.",
        &[
            text("path", "Path is the path to the file.").required(),
            text("mediaType", "MediaType is the media type of the file."),
            truth("compress", "Compress indicates whether the file should be compressed with gzip."),
        ],
    )
    .in_order(&["file/v1", "File/v1", "file", "File"]),
    Known::listed(
        &["Helm/v1", "Helm", "helm", "helm/v1"],
        "helm/spec/input/v1/schemas/Helm",
        "Helm",
        "A Helm chart as an OCI artifact, from a folder, a file or a repository of charts.",
        &[
            text("path", "The chart: a folder or a packed file."),
            text("helmRepository", "Address of the chart in a repository, in place of path."),
            CHART_VERSION,
            text("repository", "Name that the chart gets in a registry: name:version."),
            CHART_AUTHORITY,
            text("caCertFile", "File with it."),
        ],
    )
    .in_order(&["helm/v1", "Helm/v1", "helm", "Helm"]),
    Known::listed(
        &["UTF8/v1", "UTF8", "utf8", "utf8/v1"],
        "input/utf8/spec/v1/schemas/UTF8",
        "UTF8",
        "UTF8 describes an input sourced by a UTF-8 string.",
        &[
            truth("compress", "Compress indicates whether the file should be compressed with gzip."),
            any(
                "formattedJson",
                "FormattedJSON is a JSON value, raw encoded via UTF-8, with default indentation applied.",
            ),
            any("json", "JSON is a JSON value, raw encoded via UTF-8."),
            text("text", "Text is an UTF-8 string, raw encoded."),
            any("yaml", "YAML is a YAML value, raw encoded via UTF-8."),
        ],
    )
    .in_order(&["utf8/v1", "UTF8/v1", "utf8", "UTF8"]),
    Known::listed(
        &["Wget/v1", "Wget", "wget", "wget/v1"],
        "wget/spec/input/v1/schemas/Wget",
        "Wget",
        "What a web server answers.",
        WGET,
    )
    .in_order(&["wget/v1", "Wget/v1", "wget", "Wget"]),
];

/// Inputs that only this program and the older one have.
pub(super) const MORE: &[Known] = &[
    Known::additional(
        &["binary", "binary/v1"],
        "Binary",
        "Bytes in the constructor file.",
        &[
            text("data", "The bytes, in base64.").required(),
            text("mediaType", "Media type."),
            truth("compress", "Whether they are compressed with gzip."),
        ],
    ),
    Known::additional(
        &["ociArtifact", "ociArtifact/v1", "ociImage", "ociImage/v1", "ociRegistry", "ociRegistry/v1"],
        "OCI artifact",
        "An image of a registry, stored with the component version.",
        &[
            text("path", "Reference of the image.").required(),
            text("repository", "Name that it gets in a registry."),
            texts("platforms", "The platforms that are taken of an image of several; without any, all."),
        ],
    ),
];
