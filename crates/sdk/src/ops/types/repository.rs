use super::field::{Known, choice, text};

const CTF: Known = Known::listed(
    &["CommonTransportFormat/v1", "CTF", "CTF/v1", "CommonTransportFormat", "ctf", "ctf/v1"],
    "oci/spec/repository/v1/ctf/schemas/Repository",
    "Repository",
    "A transport archive: component versions in a folder, a tar file or a compressed tar file.",
    &[
        text("filePath", "The archive: a path, or a file:// address.").required(),
        choice(
            "accessMode",
            &["readonly", "readwrite", "create"],
            "What may be done with the archive; create makes one that does not exist. Modes may be joined by |.",
        ),
    ],
)
.in_order(&["CommonTransportFormat/v1", "CTF/v1", "ctf/v1", "CommonTransportFormat", "CTF", "ctf"]);

const OCI: Known = Known::listed(
    &["OCIRepository/v1", "OCI", "OCI/v1", "OCIRepository", "oci", "oci/v1"],
    "oci/spec/repository/v1/oci/schemas/Repository",
    "Repository",
    "A registry, or a part of one.",
    &[
        text("baseUrl", "Host of the registry with its port; http:// in front makes it plain HTTP.").required(),
        text("subPath", "Path in front of the component versions."),
    ],
)
.in_order(&["OCIRepository/v1", "OCI/v1", "oci/v1", "OCIRepository", "OCI", "oci"]);

/// Repositories.
pub(super) const TYPES: &[Known] = &[CTF, OCI];

/// Repositories that can list what they have.
pub(super) const LISTERS: &[Known] = &[CTF, OCI];
