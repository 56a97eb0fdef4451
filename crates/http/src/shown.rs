//! The certificates that servers showed, for those who look into why one is believed or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::pki_types::{CertificateDer, ServerName};

/// Hosts that are remembered. Whoever looks asks right after the request.
const HOSTS: usize = 64;

/// Largest chain that is remembered, in bytes.
const LARGEST: usize = 64 << 10;

/// What servers showed last, by host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown(Arc<Mutex<BTreeMap<String, Vec<Vec<u8>>>>>);

impl Shown {
    pub(crate) fn remember(&self, name: &ServerName<'_>, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) {
        let chain: Vec<Vec<u8>> = [own].into_iter().chain(others).map(|certificate| certificate.to_vec()).collect();
        if chain.iter().map(Vec::len).sum::<usize>() > LARGEST {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let host = name.to_str().to_ascii_lowercase();
        if known.len() < HOSTS || known.contains_key(&host) {
            known.insert(host, chain);
        }
    }

    /// What a host showed last, its own certificate first.
    pub(crate) fn by(&self, host: &str) -> Vec<Vec<u8>> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&host).cloned().unwrap_or_default()
    }
}
