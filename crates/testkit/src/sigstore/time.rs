use super::authority::{Authority, ECDSA, Key, body, moment, name, sha256, signed};
use super::der::{element, extension, octets, sequence};
use super::now;

const TST_INFO: [u8; 11] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
const SIGNED_DATA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const SHA_256: [u8; 9] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];

/// A time-stamping authority (RFC 3161) below the root of the certificate authority.
pub(super) struct TimeAuthority {
    key: Key,
    pub(super) certificate: Vec<u8>,
}

impl TimeAuthority {
    pub(super) fn new(authority: &Authority) -> Self {
        let key = Key::new();
        let purpose = sequence(&[&element(0x06, &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08])]);
        let extensions = [
            extension(&[0x55, 0x1d, 0x0f], true, &[0x03, 0x02, 0x07, 0x80]),
            extension(&[0x55, 0x1d, 0x25], true, &purpose),
        ];
        let body = body(&name("time"), "200101000000Z", "491231235959Z", &key.spki(), &extensions.concat());
        let certificate = signed(&authority.key, &body);
        Self { key, certificate }
    }

    /// The answer to a query, which has a digest and a number that comes back.
    pub(super) fn answer(&self, query: &[u8]) -> Vec<u8> {
        // A sequence of fewer than 128 bytes: the version, the digest, the number, and whether certificates are wanted.
        let (imprint, rest) = query[5..].split_at(2 + usize::from(query[6]));
        let number = &rest[..2 + usize::from(rest[1])];
        let time = format!("20{}", moment(now()));
        let content = sequence(&[
            &[2, 1, 1],
            &element(0x06, &[0x2a, 0x03, 0x04]),
            imprint,
            &[2, 1, 7],
            &element(0x18, time.as_bytes()),
            number,
        ]);
        let attribute = |last: &[u8], value: &[u8]| {
            let oid = [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09], last].concat();
            sequence(&[&element(0x06, &oid), &element(0x31, value)])
        };
        let hash = octets(&sha256(&self.certificate));
        let attributes = [
            attribute(&[0x03], &element(0x06, &TST_INFO)),
            attribute(&[0x04], &octets(&sha256(&content))),
            attribute(&[0x10, 0x02, 0x2f], &sequence(&[&sequence(&[&sequence(&[&hash])])])),
        ]
        .concat();
        let sha = sequence(&[&element(0x06, &SHA_256), &[5, 0]]);
        let signer = sequence(&[
            &[2, 1, 1],
            &sequence(&[&name("here"), &[2, 3, 0x01, 0x23, 0x45]]),
            &sha,
            &element(0xa0, &attributes),
            &ECDSA,
            &octets(&self.key.sign(&element(0x31, &attributes))),
        ]);
        let data = sequence(&[
            &[2, 1, 3],
            &element(0x31, &sha),
            &sequence(&[&element(0x06, &TST_INFO), &element(0xa0, &octets(&content))]),
            &element(0xa0, &self.certificate),
            &element(0x31, &signer),
        ]);
        let token = sequence(&[&element(0x06, &SIGNED_DATA), &element(0xa0, &data)]);
        sequence(&[&sequence(&[&[2, 1, 0]]), &token])
    }
}
