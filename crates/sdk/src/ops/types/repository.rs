use super::field::{Known, choice, text};

const CTF: Known = Known {
    names: &["CommonTransportFormat/v1", "CTF", "CTF/v1", "CommonTransportFormat", "ctf", "ctf/v1"],
    order: &["CommonTransportFormat/v1", "CTF/v1", "ctf/v1", "CommonTransportFormat", "CTF", "ctf"],
    schema: "oci/spec/repository/v1/ctf/schemas/Repository",
    title: "Repository",
    description: "A transport archive: component versions in a folder, a tar file or a compressed tar file.",
    members: &[
        text("filePath", "The archive: a path, or a file:// address.").required(),
        choice(
            "accessMode",
            &["readonly", "readwrite", "create"],
            "What may be done with the archive; create makes one that does not exist. Modes may be joined by |.",
        ),
    ],
    is_additional: false,
};

const OCI: Known = Known {
    names: &["OCIRepository/v1", "OCI", "OCI/v1", "OCIRepository", "oci", "oci/v1"],
    order: &["OCIRepository/v1", "OCI/v1", "oci/v1", "OCIRepository", "OCI", "oci"],
    schema: "oci/spec/repository/v1/oci/schemas/Repository",
    title: "Repository",
    description: "A registry, or a part of one.",
    members: &[
        text("baseUrl", "Host of the registry with its port; http:// in front makes it plain HTTP.").required(),
        text("subPath", "Path in front of the component versions."),
    ],
    is_additional: false,
};

/// Repositories.
pub(super) const TYPES: &[Known] = &[CTF, OCI];

/// Repositories that can list what they have.
pub(super) const LISTERS: &[Known] = &[CTF, OCI];
