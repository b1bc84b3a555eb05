//! Where requests of notifiers may go: https to public addresses, and what an operator lists beside.
//!
//! Decided by numbers, after names were resolved: what a name means is its owner's choice, and changes between two questions.

mod network;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use network::Network;

/// `Plugin.spec.http`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reach {
    /// Hosts and networks that are reached although their addresses aren't public: `hooks.internal`, `10.0.0.0/8`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub private: Vec<Place>,
    /// Hosts and networks that may be talked to over http, without TLS.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub plain: Vec<Place>,
}

/// A host by its name in URLs, or a network by its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Place {
    /// In lower case, without a dot at its end. Exactly this name, none below it.
    Host(String),
    /// `10.0.0.0/8`, `fd00::/8`, `10.1.2.3`.
    Network(Network),
}

/// A text that is no [`Place`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is neither a host name nor a network: {reason}")]
pub struct NoPlace {
    text: String,
    reason: &'static str,
}

/// Why an address is not everybody's to send to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// This machine.
    Loopback,
    /// A network of somebody's own (RFC 1918, ULA).
    Private,
    /// Between a provider and its customers (RFC 6598).
    Shared,
    /// This link; clouds answer on it with the machine's credentials.
    LinkLocal,
    /// Many receivers.
    Multicast,
    /// For documentation, tests, tunnels or the future, or no address at all.
    Reserved,
}

impl Class {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::Shared => "an address of a provider's own network",
            Self::LinkLocal => "a link-local address",
            Self::Multicast => "a multicast address",
            Self::Reserved => "a reserved address",
        }
    }

    /// Whether listing a host's name opens it. Nobody's webhook lies on the others, while a cloud's credentials do: only a
    /// network in numbers opens those.
    const fn opens_by_name(self) -> bool {
        matches!(self, Self::Loopback | Self::Private | Self::Shared)
    }
}

impl Reach {
    /// Why this address of `host` may not be connected to; `None` when it may.
    #[must_use]
    pub fn refusal(&self, host: &str, address: IpAddr) -> Option<Class> {
        let class = class(address)?;
        let listed =
            lists_address(&self.private, address) || (class.opens_by_name() && lists_host(&self.private, host));
        (!listed).then_some(class)
    }

    /// Whether `host` may be talked to over http at this address.
    #[must_use]
    pub fn may_be_plain(&self, host: &str, address: IpAddr) -> bool {
        lists_host(&self.plain, host) || lists_address(&self.plain, address)
    }
}

fn lists_host(places: &[Place], host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_it = |place: &Place| matches!(place, Place::Host(name) if name.eq_ignore_ascii_case(host));
    places.iter().any(is_it)
}

fn lists_address(places: &[Place], address: IpAddr) -> bool {
    let address = unwrapped(address);
    let has = |place: &Place| matches!(place, Place::Network(network) if network.contains(address));
    places.iter().any(has)
}

/// An IPv4 address in an IPv6 one (mapped, NAT64, 6to4) is the place that packets come to.
fn unwrapped(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let [a, b, c, d, e, f, g, h] = six.segments();
    let four = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)).into();
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => four(g, h),
        [0x2002, ..] => four(b, c),
        _ => address,
    }
}

/// `None`: public.
fn class(address: IpAddr) -> Option<Class> {
    match unwrapped(address) {
        IpAddr::V4(address) => class_of_four(address),
        IpAddr::V6(address) => class_of_six(address),
    }
}

/// As the IANA's registry of special-purpose addresses has it.
fn class_of_four(address: Ipv4Addr) -> Option<Class> {
    Some(match address.octets() {
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [169, 254, ..] => Class::LinkLocal,
        [224..=239, ..] => Class::Multicast,
        [0 | 240..=255, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18 | 19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Class::Reserved,
        _ => return None,
    })
}

/// Public is only what is given out (`2000::/3`), without what of it is for tunnels and documentation.
fn class_of_six(address: Ipv6Addr) -> Option<Class> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0xfc00..=0xfdff, ..] => Class::Private,
        [0xfe80..=0xfeff, ..] => Class::LinkLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Class::Reserved,
    })
}

impl TryFrom<String> for Place {
    type Error = NoPlace;

    fn try_from(text: String) -> Result<Self, NoPlace> {
        let is_number = |text: &str| {
            text.split('/')
                .next()
                .is_some_and(|part| part.parse::<IpAddr>().is_ok())
        };
        if is_number(&text) || text.contains('/') {
            return match Network::parse(&text) {
                Ok(network) => Ok(Self::Network(network)),
                Err(reason) => Err(NoPlace { text, reason }),
            };
        }
        let name = text.strip_suffix('.').unwrap_or(&text).to_ascii_lowercase();
        let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        if name.is_empty() || name.len() > 253 || !name.bytes().all(is_plain) {
            let reason =
                "write a name as it stands in URLs, without scheme, port and `*`, or a network such as `10.0.0.0/8`";
            return Err(NoPlace { text, reason });
        }
        Ok(Self::Host(name))
    }
}

impl From<Place> for String {
    fn from(place: Place) -> Self {
        place.to_string()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(name) => f.write_str(name),
            Self::Network(network) => network.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
