//! Times as RFC 3339: read with any offset, written in UTC to the second, for a fraction would tell nobody anything.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

use crate::render::Instant;

/// `2026-01-31T23:59:59Z`; a time that no calendar has (before the year -9999, after 9999) is written as its second.
#[must_use]
pub fn text(at: Instant) -> String {
    match Timestamp::from_second(at.seconds) {
        Ok(at) => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => at.seconds.to_string(),
    }
}

/// Reads one; `None` for anything else.
#[must_use]
pub fn parse(text: &str) -> Option<Instant> {
    let at: Timestamp = text.parse().ok()?;
    Some(Instant {
        seconds: at.as_second(),
        nanoseconds: u32::try_from(at.subsec_nanosecond()).unwrap_or_default(),
    })
}

/// Of a field: `#[serde(with = "moment")]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(at: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(*at))
}

/// Of a field: `#[serde(with = "moment")]`.
///
/// # Errors
/// When it is no text, or no time.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no time such as 2026-01-31T23:59:59Z")))
}

/// Of a field that may be absent: `#[serde(default, with = "moment::optional")]`.
pub mod optional {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use crate::render::Instant;

    /// As in the module above.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// As in the module above.
    ///
    /// # Errors
    /// When it is no time.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let at = super::parse(&text);
        at.map(Some)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is no time such as 2026-01-31T23:59:59Z")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        for (seconds, written) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            let at = Instant {
                seconds,
                nanoseconds: 0,
            };
            assert_eq!(text(at), written);
            assert_eq!(parse(written), Some(at));
        }
        assert_eq!(parse("2026-01-01T02:00:00+02:00"), parse("2026-01-01T00:00:00Z"));
        for none in ["", "2026-01-01", "2026-01-01T00:00:00", "tomorrow", "äääääääääää"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }
}
