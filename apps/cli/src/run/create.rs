use std::path::PathBuf;
use std::time::Duration;

use ocm::ops::create;
use ocm::ops::keys::{self, Encryption, KeyPair};

use super::Session;
use crate::args::{CreateArchive, CreateRsaKeyPair};
use crate::exit::Failure;
use crate::print::{object, out};

/// Validity of certificates for which nothing else is said: ten years, as by the older program.
const VALIDITY: Duration = Duration::from_hours(87600);

/// Creates an empty archive. As the older program does, it says nothing about it unless asked to.
pub(crate) async fn archive(session: &Session, arguments: CreateArchive) -> Result<(), Failure> {
    let CreateArchive { path, form, force, output } = arguments;
    let request = create::Archive { path: path.display().to_string(), form, force };
    let report = create::archive(&session.context, &request).await?;
    output.map_or(Ok(()), |form| out(&object(form.into(), &report)?))
}

/// Creates a key pair.
pub(crate) async fn key_pair(arguments: CreateRsaKeyPair) -> Result<(), Failure> {
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
    if arguments.validity.is_some() && subject.is_empty() && arguments.ca_cert.is_none() && !arguments.ca {
        let reason = "--validity is about certificates, and a key without a subject has none";
        return Err(Failure::usage(reason).hint("name a subject (CN=…), or leave it out"));
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
        validity: arguments.validity.unwrap_or(VALIDITY),
        bits: arguments.bits,
        encryption: match (arguments.encrypt, arguments.encryption_key) {
            (_, Some(path)) => Encryption::With(path),
            (true, None) => Encryption::New,
            (false, None) => Encryption::None,
        },
        force: arguments.force,
    };
    let created = keys::create(&request).await?;
    let encrypted = if created.is_encrypted { " encrypted" } else { "" };
    let key = created.encryption_key.map(|path| format!("[{}]", path.display())).unwrap_or_default();
    out(&format!("created{encrypted} rsa key pair {}[{}]{key}\n", created.private.display(), created.public.display()))
}
