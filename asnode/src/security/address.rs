//! Addresses that a role may be used from: single ones and networks.

use std::net::IpAddr;

/// Addresses and networks, comma separated.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AllowList {
    /// As it was given.
    text: String,
    networks: Vec<Network>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    mask: u128,
}

impl AllowList {
    /// Reads a list; an empty text is a list without addresses. `None`: an item is no address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let items = text.split(',').filter(|_| !text.is_empty());
        let networks: Option<Vec<_>> = items.map(|item| Network::parse(item.trim())).collect();
        Some(Self {
            text: text.to_owned(),
            networks: networks?,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }
}

impl Network {
    /// `address`, `address/bits` or `address/mask`.
    fn parse(text: &str) -> Option<Self> {
        let (address, mask) = text.split_once('/').unwrap_or((text, ""));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let mask = match mask {
            "" if text.contains('/') => return None,
            "" => prefix(width, width)?,
            bits if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                prefix(width, bits.parse().ok()?)?
            }
            mask => bits(mask.parse().ok()?),
        };
        Some(Self { address, mask })
    }

    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4()
            && (bits(address) ^ bits(self.address)) & self.mask == 0
    }
}

/// The upper `bits` of `width`.
fn prefix(width: u32, bits: u32) -> Option<u128> {
    let low = width.checked_sub(bits)?;
    let all = u128::MAX >> (128 - width);
    Some(all.checked_shr(low).map_or(0, |high| high << low))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let check = |list: &str, address: &str, expected: Option<bool>| {
            let found = AllowList::parse(list).map(|l| l.contains(address.parse().unwrap()));
            assert_eq!(found, expected, "{list} {address}");
        };
        check("127.0.0.1", "127.0.0.1", Some(true));
        check("10.0.0.1, 127.0.0.0/8", "127.1.2.3", Some(true));
        check("127.0.0.0/8", "128.0.0.0", Some(false));
        check("127.0.0.0/255.255.0.0", "127.0.9.9", Some(true));
        check("127.0.0.0/255.255.0.0", "127.1.9.9", Some(false));
        check("0.0.0.0/0", "9.9.9.9", Some(true));
        check("0.0.0.0/0", "::1", Some(false));
        check("fe80::/16", "fe80::1", Some(true));
        check("", "127.0.0.1", Some(false));
        for bad in [
            "localhost",
            "1.2.3",
            "1.2.3.4/33",
            "1.2.3.4/",
            "1.2.3.4,",
            "1.2.3.4/x",
        ] {
            check(bad, "127.0.0.1", None);
        }
    }
}
