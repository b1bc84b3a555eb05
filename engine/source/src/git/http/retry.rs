//! `Retry-After`: how long a server asks to be left alone.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How long the server asks to wait; none when it doesn't say, or in a way that means nothing. `now` stands in for the server's
/// own clock where it doesn't tell that: the two may differ by hours, and a date of one is no date of the other.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    // Only digits are seconds: a sign or a fraction would be somebody's own grammar.
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits are a very long time, which whoever waits bounds.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    let its_now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok());
    Some(at.duration_since(its_now.unwrap_or(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
    const NOW: u64 = 784_111_777;

    #[test]
    fn seconds_and_every_form_of_a_date() {
        let long = u64::from(u32::MAX);
        for (value, date, expected) in [
            ("0", "", Some(0)),
            ("120", "", Some(120)),
            (" 7 ", "", Some(7)),
            ("99999999999999999999999", "", Some(long)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", "", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", "", Some(60)),
            ("Sun Nov  6 08:50:37 1994", "", Some(60)),
            ("Sun, 06 Nov 1994 08:49:36 GMT", "", Some(0)),
            // Its clock is an hour ahead of ours: a minute from its now is a minute from ours.
            (
                "Sun, 06 Nov 1994 09:50:37 GMT",
                "Sun, 06 Nov 1994 09:49:37 GMT",
                Some(60),
            ),
            ("Sun, 06 Nov 1994 08:50:37 GMT", "yesterday", Some(60)),
            ("-5", "", None),
            ("1.5", "", None),
            ("soon", "", None),
            ("", "", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if !date.is_empty() {
                headers.insert(DATE, date.parse().unwrap());
            }
            let now = UNIX_EPOCH + Duration::from_secs(NOW);
            let expected = expected.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value:?} at {date:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), UNIX_EPOCH), None);
    }
}
