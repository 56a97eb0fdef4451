use super::field::{Known, choice, text, texts, truth};

/// Ways to sign and verify.
pub(super) const TYPES: &[Known] = &[
    Known::listed(
        &["RSASigningConfiguration", "RSASigningConfiguration/v1alpha1"],
        "rsa/signing/v1alpha1/schemas/Config",
        "Config",
        "Signatures with RSA keys.",
        &[
            choice("signatureAlgorithm", &["RSASSA-PSS", "RSASSA-PKCS1-V1_5"], "The algorithm; RSASSA-PSS by default."),
            choice(
                "signatureEncodingPolicy",
                &["Plain", "PEM"],
                "Plain stores hexadecimal digits, PEM the certificates of the signer, too.",
            ),
        ],
    )
    .in_order(&["RSASigningConfiguration/v1alpha1", "RSASigningConfiguration"]),
    Known::listed(
        &["GPGSigningConfiguration", "GPGSigningConfiguration/v1alpha1"],
        "gpg/spec/signing/v1alpha1/schemas/Config",
        "Config",
        "Signatures with OpenPGP keys.",
        &[
            choice("hashAlgorithm", &["SHA256", "SHA384", "SHA512"], "Hash of the OpenPGP signature."),
            text("keyFingerprint", "The key, where there are several."),
        ],
    )
    .in_order(&["GPGSigningConfiguration/v1alpha1", "GPGSigningConfiguration"]),
    Known::listed(
        &["SigstoreSigningConfiguration", "SigstoreSigningConfiguration/v1alpha1"],
        "sigstore/signing/v1alpha1/schemas/SignConfig",
        "SignConfig",
        "Signatures with keys that live for minutes, in the name of an identity (Sigstore).",
        &[
            text("signingConfig", "File with the addresses of the services; without it, the public ones."),
            text("issuer", "Who vouches for the identity."),
            text("clientID", "Name of this program there."),
            text("signatureAlgorithm", "The algorithm of the key."),
        ],
    )
    .in_order(&["SigstoreSigningConfiguration/v1alpha1", "SigstoreSigningConfiguration"]),
    Known::listed(
        &["SigstoreVerificationConfiguration", "SigstoreVerificationConfiguration/v1alpha1"],
        "sigstore/signing/v1alpha1/schemas/VerifyConfig",
        "VerifyConfig",
        "Who may have made a Sigstore signature.",
        &[
            text("certificateIdentity", "The identity in the certificate."),
            text("certificateIdentityRegexp", "A regular expression for it."),
            text("certificateOIDCIssuer", "Who vouched for the identity."),
            text("certificateOIDCIssuerRegexp", "A regular expression for that."),
            truth(
                "privateInfrastructure",
                "Whether the services are not the public ones, so that no public log is asked for.",
            ),
        ],
    )
    .in_order(&["SigstoreVerificationConfiguration/v1alpha1", "SigstoreVerificationConfiguration"]),
    Known::additional(
        &["SigningServiceConfiguration/v1alpha1", "SigningServiceConfiguration"],
        "Signing service",
        "Signatures by a service that keeps the key.",
        &[
            text("url", "Address of the service.").required(),
            choice("signatureAlgorithm", &["RSASSA-PSS", "RSASSA-PKCS1-V1_5"], "The algorithm; RSASSA-PSS by default."),
        ],
    ),
    Known::additional(
        &["SigningCommandConfiguration/v1alpha1", "SigningCommandConfiguration"],
        "Signing command",
        "Signatures by a program that keeps the key.",
        &[
            texts("command", "The program and its arguments.").required(),
            choice("signatureAlgorithm", &["RSASSA-PSS", "RSASSA-PKCS1-V1_5"], "The algorithm; RSASSA-PSS by default."),
        ],
    ),
];
