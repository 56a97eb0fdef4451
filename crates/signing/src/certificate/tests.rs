use std::time::SystemTime;

use super::*;
use crate::testing::{CODE_SIGNING, TIME_STAMPING, YEAR, extended_key_usage, issue, name};
use crate::{Kind, PrivateKey, der};

/// `digitalSignature`.
const SIGNS: u8 = 0x80;
/// `nonRepudiation`.
const COMMITS: u8 = 0x40;
/// `keyEncipherment`.
const ENCRYPTS: u8 = 0x20;
/// `keyCertSign`.
const ISSUES: u8 = 0x04;
/// `id-kp-serverAuth`.
const SERVER: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

fn extension(number: u8, value: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::oid(&[0x55, 0x1d, number]), &der::TRUE, &der::octets(value)])
}

fn usage(bits: u8) -> Vec<u8> {
    let unused = u8::try_from(bits.trailing_zeros()).unwrap();
    extension(15, &[0x03, 0x02, unused, bits])
}

fn constraints(is_authority: bool, longest: Option<u8>) -> Vec<u8> {
    let is_authority: &[u8] = if is_authority { &der::TRUE } else { &[] };
    let longest = longest.map(|longest| der::element(0x02, &[longest])).unwrap_or_default();
    extension(19, &der::sequence(&[is_authority, &longest]))
}

/// Names below a domain alone (`permittedSubtrees`), or below a directory.
fn names(tag: u8, base: &[u8]) -> Vec<u8> {
    let subtree = der::sequence(&[&der::element(tag, base)]);
    extension(30, &der::sequence(&[&der::element(0xa0, &subtree)]))
}

struct World {
    root: Certificate,
    root_key: PrivateKey,
    begin: SystemTime,
}

impl World {
    fn new(extensions: &[Vec<u8>]) -> Self {
        let (own_key, begin) = (PrivateKey::generate(2048).unwrap(), SystemTime::now() - YEAR);
        let own = create_certificate(&own_key, &name("root"), None, true, begin, 30 * YEAR).unwrap();
        let root =
            if extensions.is_empty() { own } else { issue(&own_key, "root", (&own, &own_key), begin, extensions) };
        Self { root, root_key: own_key, begin }
    }

    /// An authority below an issuer.
    fn below(
        &self,
        common: &str,
        issuer: (&Certificate, &PrivateKey),
        extensions: &[Vec<u8>],
    ) -> (Certificate, PrivateKey) {
        let key = PrivateKey::generate(2048).unwrap();
        (issue(&key, common, issuer, self.begin, extensions), key)
    }

    fn verify(&self, leaf: &Certificate, between: &[Certificate]) -> crate::Result<String> {
        let mut trust = TrustStore::default();
        trust.add_anchors([self.root.clone()]);
        trust.verify(leaf, between, SystemTime::now()).map(|root| root.subject().to_string())
    }
}

#[test]
fn a_signer_may_only_do_what_its_certificate_says() {
    let world = World::new(&[]);
    let own = (&world.root, &world.root_key);
    let code = || extended_key_usage(CODE_SIGNING, false);
    for (extensions, counts) in [
        (vec![code()], true),
        (vec![constraints(false, None)], true),
        (vec![usage(SIGNS), code()], true),
        (vec![usage(COMMITS), code()], true),
        (vec![usage(ENCRYPTS), code()], false),
        (vec![usage(ISSUES), code()], false),
        (vec![extended_key_usage(SERVER, false)], false),
        (vec![extended_key_usage(TIME_STAMPING, true)], false),
        // Critical, and known to nobody.
        (vec![code(), extension(99, &[0x05, 0x00])], false),
    ] {
        let (leaf, _) = world.below("leaf", own, &extensions);
        let result = world.verify(&leaf, &[]);
        assert_eq!(result.is_ok(), counts, "{extensions:?}: {result:?}");
        if let Err(error) = result {
            assert_eq!(error.kind(), Kind::Untrusted, "{error}");
        }
    }
}

#[test]
fn only_authorities_vouch_for_others() {
    let world = World::new(&[]);
    let own = (&world.root, &world.root_key);
    for (extensions, counts) in [
        (vec![constraints(true, None)], true),
        (vec![constraints(true, Some(0))], true),
        (vec![constraints(true, None), usage(ISSUES)], true),
        (vec![constraints(true, None), usage(ISSUES), extended_key_usage(CODE_SIGNING, false)], true),
        (vec![constraints(false, None)], false),
        (vec![usage(ISSUES)], false),
        (vec![constraints(true, None), usage(SIGNS)], false),
        (vec![constraints(true, None), extended_key_usage(SERVER, false)], false),
        // Names of directories, and ours is none of them; and a form that is not known.
        (
            vec![
                constraints(true, None),
                names(
                    0xa4,
                    &der::sequence(&[&der::set(&[&der::sequence(&[
                        &der::oid(&[0x55, 0x04, 10]),
                        &der::utf8("Acme"),
                    ])])]),
                ),
            ],
            false,
        ),
        // X.509 version 1.
        (vec![], false),
    ] {
        let (between, between_key) = world.below("between", own, &extensions);
        let (leaf, _) = world.below("leaf", (&between, &between_key), &[usage(SIGNS)]);
        let result = world.verify(&leaf, &[between]);
        assert_eq!(result.is_ok(), counts, "{extensions:?}: {result:?}");
    }
}

#[test]
fn paths_are_no_longer_than_authorities_allow() {
    let between = |longest| [constraints(true, longest), usage(ISSUES)];
    for (root, upper, counts) in [
        (None, None, true),
        (Some(1), None, false),
        (None, Some(0), false),
        (Some(2), Some(1), true),
        (Some(0), None, false),
    ] {
        let world = World::new(&[constraints(true, root), usage(ISSUES)]);
        let (first, first_key) = world.below("first", (&world.root, &world.root_key), &between(upper));
        let (second, second_key) = world.below("second", (&first, &first_key), &between(None));
        let (leaf, _) = world.below("leaf", (&second, &second_key), &[usage(SIGNS)]);
        let result = world.verify(&leaf, &[first, second]);
        assert_eq!(result.is_ok(), counts, "{root:?} {upper:?}: {result:?}");
    }
}

#[test]
fn a_certificate_that_is_no_authority_is_no_root_of_others() {
    for (extensions, counts) in [
        (vec![constraints(true, None)], true),
        (vec![constraints(false, None)], false),
        (vec![usage(ISSUES)], false),
        (vec![constraints(true, None), usage(SIGNS)], false),
        (vec![constraints(true, None), extended_key_usage(SERVER, false)], false),
    ] {
        let world = World::new(&extensions);
        let own = (&world.root, &world.root_key);
        let (leaf, _) = world.below("leaf", own, &[usage(SIGNS)]);
        assert_eq!(world.verify(&leaf, &[]).is_ok(), counts, "{extensions:?}");
        // The same of a leaf that says nothing of itself.
        let (bare, _) = world.below("bare", own, &[]);
        assert_eq!(world.verify(&bare, &[]).is_ok(), counts, "{extensions:?}");
    }
}

#[test]
fn small_keys_do_not_count_anywhere_on_the_way() {
    let world = World::new(&[]);
    let key = PrivateKey::generate(3072).unwrap();
    let leaf = issue(&key, "leaf", (&world.root, &world.root_key), world.begin, &[usage(SIGNS)]);
    let mut trust = TrustStore::default();
    trust.add_anchors([world.root.clone()]);
    let verify = |minimum| trust.verify_for(Purpose::Code, &leaf, &[], SystemTime::now(), minimum);
    assert!(verify(2048).is_ok());
    let error = verify(3072).unwrap_err();
    assert!(error.kind() == Kind::Untrusted && error.to_string().contains("CN=root: the key has 2048 bits"), "{error}");
}

#[test]
fn an_expired_authority_on_the_way_says_what_to_do() {
    let world = World::new(&[]);
    let (key, own) = (PrivateKey::generate(2048).unwrap(), Some((&world.root, &world.root_key)));
    let between = create_certificate(&key, &name("between"), own, true, world.begin, YEAR / 2).unwrap();
    let (leaf, _) = world.below("leaf", (&between, &key), &[usage(SIGNS)]);
    let error = world.verify(&leaf, std::slice::from_ref(&between)).unwrap_err();
    assert!(error.kind() == Kind::Untrusted && error.to_string().contains("has expired"), "{error}");
    assert!(error.to_string().contains("--at TIME"), "{error}");
    let mut trust = TrustStore::default();
    trust.add_anchors([world.root.clone()]);
    assert!(trust.verify(&leaf, &[between], world.begin + YEAR / 4).is_ok());
}
