//! Finds the addresses of a receiver, and leaves out those where the hub may not send. The connection
//! goes to one of these addresses and to no other, so that a name cannot point elsewhere between the
//! look and the connection.

use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::subscription::Receivers;

/// A name whose addresses are all out of bounds.
#[derive(Debug, thiserror::Error)]
#[error("the receiver's address is none that the hub may send to")]
pub struct OutOfBounds;

/// Looks names up, within bounds.
#[derive(Debug)]
pub struct Within {
    /// What the hub's operator allows.
    pub receivers: Receivers,
    /// Whether the connection will be.
    pub encrypted: bool,
}

impl Resolve for Within {
    fn resolve(&self, name: Name) -> Resolving {
        let (receivers, encrypted) = (self.receivers.clone(), self.encrypted);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| receivers.allow(address.ip(), encrypted))
                .collect();
            if allowed.is_empty() {
                return Err(OutOfBounds.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
