use std::path::PathBuf;

use ocm::ops::keys::{self, Encryption, KeyPair};

use crate::args::CreateKind;
use crate::exit::Failure;
use crate::print::out;

/// Creates a key pair.
pub(crate) fn run(kind: CreateKind) -> Result<(), Failure> {
    let CreateKind::RsaKeyPair(arguments) = kind;
    let (mut files, mut subject) = (Vec::new(), Vec::new());
    for argument in arguments.arguments {
        match argument.split_once('=') {
            Some((key, value)) => subject.push((key.to_owned(), value.to_owned())),
            None => files.push(PathBuf::from(argument)),
        }
    }
    if files.len() > 2 {
        return Err(Failure::usage("there are two files, one for the private and one for the public key"));
    }
    let mut files = files.into_iter();
    let request = KeyPair {
        private: files.next().unwrap_or_else(|| PathBuf::from("rsa.priv")),
        public: files.next(),
        subject,
        is_authority: arguments.ca,
        authority: arguments.ca_cert,
        authority_key: arguments.ca_key,
        roots: arguments.root_certs,
        validity: arguments.validity,
        bits: arguments.bits,
        encryption: match (arguments.encrypt, arguments.encryption_key) {
            (_, Some(path)) => Encryption::With(path),
            (true, None) => Encryption::New,
            (false, None) => Encryption::None,
        },
        force: arguments.force,
    };
    let created = keys::create(&request)?;
    let encrypted = if created.is_encrypted { " encrypted" } else { "" };
    let key = created.encryption_key.map(|path| format!("[{}]", path.display())).unwrap_or_default();
    out(&format!("created{encrypted} rsa key pair {}[{}]{key}\n", created.private.display(), created.public.display()))
}
