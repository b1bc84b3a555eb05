//! What strings must look like.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::schema::Format;

impl Format {
    /// Whether `text` looks like that.
    pub(crate) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Base64 => base64(text),
            Self::DateTime => date_time(text),
            Self::Date => date(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Cidr => cidr(text),
            Self::Mac => mac(text),
            Self::Uuid => uuid(text),
            // The server takes an empty string for an absent one.
            Self::OneOf(words) => text.is_empty() || words.contains(&text),
        }
    }

    /// What is expected, in words.
    pub(crate) fn describe(&self) -> String {
        let words = match self {
            Self::Any => "a string",
            Self::Base64 => "base64",
            Self::DateTime => "a time such as `2026-11-25T08:00:00Z`",
            Self::Date => "a date such as `2026-11-25`",
            Self::Ipv4 => "an IPv4 address",
            Self::Ipv6 => "an IPv6 address",
            Self::Cidr => "an address range such as `10.0.0.0/8`",
            Self::Mac => "a MAC address",
            Self::Uuid => "a UUID",
            Self::OneOf(words) => return choice(words.iter().filter(|word| !word.is_empty())),
        };
        words.to_owned()
    }
}

/// Words of a choice that a message lists.
const LISTED: usize = 12;

/// A choice in words.
pub(crate) fn choice(words: impl Iterator<Item = impl std::fmt::Display>) -> String {
    let mut list: Vec<String> = words.take(LISTED + 1).map(|word| format!("`{word}`")).collect();
    if list.len() > LISTED {
        list[LISTED] = "…".to_owned();
    }
    match list.as_slice() {
        [one] => one.clone(),
        list => format!("one of {}", list.join(", ")),
    }
}

/// As Go's standard decoder takes it: padded, line breaks don't count.
fn base64(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let padding = bytes.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let data = &bytes[..bytes.len() - padding];
    bytes.len().is_multiple_of(4)
        && data
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

/// RFC 3339, as Go's `time.Parse` takes it.
fn date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else {
        return false;
    };
    let zone = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let (clock, fraction) = clock
        .split_once('.')
        .map_or((clock, None), |(clock, rest)| (clock, Some(rest)));
    self::date(date)
        && numbers(clock, ':', &[(2, 0, 23), (2, 0, 59), (2, 0, 60)])
        && fraction.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        && (zone.eq_ignore_ascii_case("z")
            || zone
                .get(1..)
                .is_some_and(|offset| numbers(offset, ':', &[(2, 0, 24), (2, 0, 60)])))
}

fn date(text: &str) -> bool {
    numbers(text, '-', &[(4, 0, 9999), (2, 1, 12), (2, 1, 31)])
}

/// Numbers between separators, each of so many digits, not below and not above.
fn numbers(text: &str, separator: char, wanted: &[(usize, u32, u32)]) -> bool {
    let parts: Vec<&str> = text.split(separator).collect();
    let fits = |(part, (digits, least, most)): (&&str, &(usize, u32, u32))| {
        part.len() == *digits
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse().is_ok_and(|number: u32| (*least..=*most).contains(&number))
    };
    parts.len() == wanted.len() && parts.iter().zip(wanted).all(fits)
}

fn cidr(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else {
        return false;
    };
    let most = if address.parse::<Ipv4Addr>().is_ok() {
        32
    } else if address.parse::<Ipv6Addr>().is_ok() {
        128
    } else {
        return false;
    };
    prefix.parse::<u8>().is_ok_and(|length| length <= most)
}

/// Six, eight or twenty bytes between colons, hyphens, or in fours between dots, as Go's `net.ParseMAC` takes it.
fn mac(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    let grouped = |separator: char, width: usize| {
        text.split(separator)
            .all(|part| part.len() == width && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    matches!(digits, 12 | 16 | 40) && (grouped(':', 2) || grouped('-', 2) || grouped('.', 4))
}

/// With or without hyphens, in either case, as the server takes it.
fn uuid(text: &str) -> bool {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    digits.len() == 32 && text.len() <= 36 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A number with a suffix, as `k8s.io/apimachinery` parses it.
pub(crate) fn quantity(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(digits.len());
    let (number, suffix) = digits.split_at(end);
    let dots = number.matches('.').count();
    dots <= 1 && number.len() > dots && suffix_fits(suffix)
}

fn suffix_fits(suffix: &str) -> bool {
    const SUFFIXES: [&str; 16] = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    let exponent = |rest: &str| {
        let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    SUFFIXES.contains(&suffix) || suffix.strip_prefix(['e', 'E']).is_some_and(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_take_what_the_server_takes() {
        for (format, good, bad) in [
            (
                Format::Base64,
                &["", "Zm9v", "Zm8=", "Zg==", "Zm9v\nZm9v\n"][..],
                &["Zm9", "Zm9v!", "Zm8=Zm8=", "====", "Zm_v"][..],
            ),
            (
                Format::DateTime,
                &[
                    "2026-11-25T08:00:00Z",
                    "2026-11-25T08:00:00.123456Z",
                    "2026-11-25T08:00:00+01:00",
                ],
                &[
                    "",
                    "2026-11-25",
                    "2026-13-25T08:00:00Z",
                    "2026-11-25T8:00:00Z",
                    "2026-11-25T08:00:00",
                    "now",
                    "2026-11-25T08:00:00.Z",
                ],
            ),
            (Format::Date, &["2026-11-25"], &["2026-11-5", "25.11.2026", ""]),
            (Format::Ipv4, &["10.0.0.1"], &["10.0.0", "::1", "10.0.0.256"]),
            (Format::Ipv6, &["::1", "fe80::1"], &["10.0.0.1", "x"]),
            (
                Format::Cidr,
                &["10.0.0.0/8", "::/0"],
                &["10.0.0.0", "10.0.0.0/33", "x/8"],
            ),
            (
                Format::Mac,
                &["00:00:5e:00:53:01", "0000.5e00.5301"],
                &["00:00:5e", "00:00:5e:00:53:zz"],
            ),
            (Format::Uuid, &["123e4567-e89b-12d3-a456-426614174000"], &["123e4567"]),
            (Format::OneOf(&["A", "B"]), &["A", ""], &["a", "C"]),
        ] {
            for text in good {
                assert!(format.fits(text), "{format:?} {text:?}");
            }
            for text in bad {
                assert!(!format.fits(text), "{format:?} {text:?}");
            }
        }
    }

    #[test]
    fn quantities_are_numbers_with_a_suffix() {
        for good in [
            "0", "1", "1.5", ".5", "5.", "-1", "+1", "100m", "1.5Gi", "1e3", "1E-3", "12e+6", "1k", "3E", "0.1n",
        ] {
            assert!(quantity(good), "{good}");
        }
        for bad in [
            "", ".", "-", "1GB", "1gi", "1K", "1 Gi", "Gi", "1.5.1", "1e", "one", "1,5", "1mi", "--1",
        ] {
            assert!(!quantity(bad), "{bad}");
        }
    }
}
