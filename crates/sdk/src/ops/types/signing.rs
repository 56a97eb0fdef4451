use super::field::{Known, choice, text, texts, truth};

/// Ways to sign and verify.
pub(super) const TYPES: &[Known] = &[
    Known {
        names: &["RSASigningConfiguration", "RSASigningConfiguration/v1alpha1"],
        order: &["RSASigningConfiguration/v1alpha1", "RSASigningConfiguration"],
        schema: "rsa/signing/v1alpha1/schemas/Config",
        title: "Config",
        description: "Signatures with RSA keys.",
        members: &[
            choice("signatureAlgorithm", &["RSASSA-PSS", "RSASSA-PKCS1-V1_5"], "The algorithm; RSASSA-PSS by default."),
            choice(
                "signatureEncodingPolicy",
                &["Plain", "PEM"],
                "Plain stores hexadecimal digits, PEM the certificates of the signer, too.",
            ),
        ],
        is_additional: false,
    },
    Known {
        names: &["GPGSigningConfiguration", "GPGSigningConfiguration/v1alpha1"],
        order: &["GPGSigningConfiguration/v1alpha1", "GPGSigningConfiguration"],
        schema: "gpg/spec/signing/v1alpha1/schemas/Config",
        title: "Config",
        description: "Signatures with OpenPGP keys.",
        members: &[
            choice("hashAlgorithm", &["SHA256", "SHA384", "SHA512"], "Hash of the OpenPGP signature."),
            text("keyFingerprint", "The key, where there are several."),
        ],
        is_additional: false,
    },
    Known {
        names: &["SigstoreSigningConfiguration", "SigstoreSigningConfiguration/v1alpha1"],
        order: &["SigstoreSigningConfiguration/v1alpha1", "SigstoreSigningConfiguration"],
        schema: "sigstore/signing/v1alpha1/schemas/SignConfig",
        title: "SignConfig",
        description: "Signatures with keys that live for minutes, in the name of an identity (Sigstore).",
        members: &[
            text("signingConfig", "File with the addresses of the services; without it, the public ones."),
            text("issuer", "Who vouches for the identity."),
            text("clientID", "Name of this program there."),
            text("signatureAlgorithm", "The algorithm of the key."),
        ],
        is_additional: false,
    },
    Known {
        names: &["SigstoreVerificationConfiguration", "SigstoreVerificationConfiguration/v1alpha1"],
        order: &["SigstoreVerificationConfiguration/v1alpha1", "SigstoreVerificationConfiguration"],
        schema: "sigstore/signing/v1alpha1/schemas/VerifyConfig",
        title: "VerifyConfig",
        description: "Who may have made a Sigstore signature.",
        members: &[
            text("certificateIdentity", "The identity in the certificate."),
            text("certificateIdentityRegexp", "A regular expression for it."),
            text("certificateOIDCIssuer", "Who vouched for the identity."),
            text("certificateOIDCIssuerRegexp", "A regular expression for that."),
            truth(
                "privateInfrastructure",
                "Whether the services are not the public ones, so that no public log is asked for.",
            ),
        ],
        is_additional: false,
    },
    Known {
        names: &["SigningServiceConfiguration/v1alpha1", "SigningServiceConfiguration"],
        order: &[],
        schema: "",
        title: "Signing service",
        description: "Signatures by a service that keeps the key.",
        members: &[
            text("url", "Address of the service.").required(),
            choice("signatureAlgorithm", &["RSASSA-PSS", "RSASSA-PKCS1-V1_5"], "The algorithm; RSASSA-PSS by default."),
        ],
        is_additional: true,
    },
    Known {
        names: &["SigningCommandConfiguration/v1alpha1", "SigningCommandConfiguration"],
        order: &[],
        schema: "",
        title: "Signing command",
        description: "Signatures by a program that keeps the key.",
        members: &[
            texts("command", "The program and its arguments.").required(),
            choice("signatureAlgorithm", &["RSASSA-PSS", "RSASSA-PKCS1-V1_5"], "The algorithm; RSASSA-PSS by default."),
        ],
        is_additional: true,
    },
];
