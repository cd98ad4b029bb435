//! Where the hub may send to: public addresses, and what its operator allows beside them. A subscriber
//! names an address, and the hub stands inside a network that the subscriber does not.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::Deserialize;

/// What is no address of the public network (IANA's registries of special-purpose addresses).
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
];

/// Of the global unicast addresses (2000::/3): documentation, and those with an IPv4 address inside,
/// which would be looked at as another one.
const SPECIAL_V6: [(Ipv6Addr, u32); 5] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
];

/// What the operator of the hub allows beside public addresses over https.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Receivers {
    /// Networks that are not public.
    pub networks: Vec<IpNet>,
    /// Whether a webhook within these networks may be `http://`; whatever leaves them is encrypted.
    pub http: bool,
}

impl Receivers {
    /// The machine itself, over http too: for a demo and for tests.
    #[must_use]
    pub fn loopback() -> Self {
        let net = |address, bits| IpNet::new(address, bits).ok();
        let networks = [
            net(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
            net(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
        ];
        Self {
            networks: networks.into_iter().flatten().collect(),
            http: true,
        }
    }

    /// Whether the hub may connect to an address, with TLS or without.
    #[must_use]
    pub fn allow(&self, address: IpAddr, encrypted: bool) -> bool {
        let address = address.to_canonical();
        let own = self
            .networks
            .iter()
            .any(|network| network.contains(&address));
        if encrypted {
            own || is_public(address)
        } else {
            own && self.http
        }
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            !SPECIAL_V4
                .iter()
                .any(|(network, length)| (bits ^ network.to_bits()).leading_zeros() >= *length)
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let within = |network: Ipv6Addr, length: u32| {
                (bits ^ network.to_bits()).leading_zeros() >= length
            };
            within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !SPECIAL_V6
                    .iter()
                    .any(|(network, length)| within(*network, *length))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_sent_to() {
        let receivers = Receivers::default();
        for good in ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111"] {
            assert!(receivers.allow(good.parse().unwrap(), true), "{good}");
        }
        for bad in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "ff02::1",
        ] {
            assert!(!receivers.allow(bad.parse().unwrap(), true), "{bad}");
        }
    }

    #[test]
    fn the_operator_may_allow_a_network_and_no_more() {
        let allow = |receivers: &Receivers, address: &str, encrypted: bool| {
            receivers.allow(address.parse().unwrap(), encrypted)
        };
        let mut receivers = Receivers {
            networks: vec!["10.1.0.0/16".parse().unwrap()],
            http: false,
        };
        assert!(allow(&receivers, "10.1.2.3", true));
        assert!(allow(&receivers, "::ffff:10.1.2.3", true));
        assert!(!allow(&receivers, "10.2.2.3", true));
        assert!(!allow(&receivers, "10.1.2.3", false));
        receivers.http = true;
        assert!(allow(&receivers, "10.1.2.3", false));
        assert!(
            !allow(&receivers, "8.8.8.8", false),
            "in the clear only within"
        );
        assert!(allow(&Receivers::loopback(), "127.0.0.1", false));
        assert!(!allow(&Receivers::loopback(), "10.0.0.1", true));
    }
}
