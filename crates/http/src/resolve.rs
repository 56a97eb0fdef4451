//! From names to addresses, and the check of where a server may lead the client.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::Reach;
use crate::address::is_local;

/// Addresses of a host, in the making.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Knows the addresses of hosts. The system's name service is asked unless the settings name another one.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// The addresses of a host.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] if nobody knows the host; every other failure is taken for a passing one.
    fn addresses(&self, host: &str) -> Addresses;
}

/// Asks for addresses where the connection is made.
///
/// For [`Reach::Public`] it answers with public addresses only. The check sits here because a name checked beforehand may
/// resolve to something else a moment later (DNS rebinding): what is checked is what is connected to.
pub(crate) struct Checked {
    pub(crate) names: Option<Arc<dyn Resolver>>,
    pub(crate) reach: Reach,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let (names, reach) = (self.names.clone(), self.reach);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = match names {
                Some(names) => {
                    let addresses = names.addresses(&host).await.map_err(|error| match error.kind() {
                        io::ErrorKind::NotFound => UnknownName.into(),
                        _ => Box::<dyn std::error::Error + Send + Sync>::from(error),
                    })?;
                    addresses.into_iter().map(|address| SocketAddr::new(address, 0)).collect()
                }
                None => tokio::net::lookup_host((host.as_str(), 0)).await?.collect(),
            };
            let any = !found.is_empty();
            let allowed: Vec<SocketAddr> =
                found.into_iter().filter(|address| reach == Reach::Anywhere || !is_local(address.ip())).collect();
            match (allowed.is_empty(), any) {
                (false, _) => Ok(Box::new(allowed.into_iter()) as Addrs),
                (true, true) => Err(NotPublic.into()),
                (true, false) => Err(UnknownName.into()),
            }
        })
    }
}

/// The host has no public address.
#[derive(Debug, thiserror::Error)]
#[error("the host is on a local or private network, and a server outside of it led here")]
pub(crate) struct NotPublic;

/// Nobody knows the host.
#[derive(Debug, thiserror::Error)]
#[error("the host name is not known")]
pub(crate) struct UnknownName;
