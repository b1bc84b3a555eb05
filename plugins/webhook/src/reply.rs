//! What an answer means.

use windlass_sdk::{
    Refusal,
    http::{Error, Response},
};

/// Seconds to wait, at most, because a receiver says so.
const LONGEST_WAIT: u32 = 86_400;

/// Characters of an answer that are quoted.
const QUOTED: usize = 300;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// The receiver has it.
    Delivered,
    /// It may work later: after so many seconds, or when the host thinks fit.
    Again {
        /// Seconds.
        after: Option<u32>,
        /// For the log: the contract has no words for it.
        why: String,
    },
    /// It never will.
    Refused(String),
}

/// What an answer, or none, comes to.
pub(crate) fn of(answer: Result<Response, Error>) -> Reply {
    match answer {
        Ok(response) => of_response(&response),
        Err(Error::Refused(refusal)) => Reply::Refused(refused(&refusal)),
        Err(error) => Reply::Again {
            after: None,
            why: unsent(&error),
        },
    }
}

fn of_response(response: &Response) -> Reply {
    match response.status {
        200..=299 => Reply::Delivered,
        408 | 425 | 429 | 500..=599 => Reply::Again {
            after: retry_after(response),
            why: said(response),
        },
        300..=399 => Reply::Refused(format!(
            "{}: give the final URL, redirects of this kind are not followed",
            said(response)
        )),
        _ => Reply::Refused(said(response)),
    }
}

/// In seconds; a date is nothing to a plugin, which has no clock.
fn retry_after(response: &Response) -> Option<u32> {
    let header = response.headers.iter().find(|(name, _)| name == "retry-after");
    let seconds: u64 = header?.1.trim().parse().ok()?;
    Some(u32::try_from(seconds).unwrap_or(u32::MAX).min(LONGEST_WAIT))
}

/// Status and the beginning of the body, on one line.
fn said(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let quoted: String = words.chars().filter(|c| !c.is_control()).take(QUOTED).collect();
    let status = response.status;
    if quoted.is_empty() {
        format!("the receiver answers with status {status}")
    } else {
        format!("the receiver answers with status {status}: {quoted}")
    }
}

fn refused(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Denied(why) => format!("the request is not sent: {why}"),
        Refusal::TooLarge(limit) => format!("the request is not sent: a part of it has more than {limit} bytes"),
        other => format!("the request is not sent: {other:?}"),
    }
}

fn unsent(error: &Error) -> String {
    match error {
        Error::Dns => "the receiver's name can't be resolved".to_owned(),
        Error::Connect => "no connection to the receiver".to_owned(),
        Error::Tls => "no TLS with the receiver, or nobody vouches for it".to_owned(),
        Error::Timeout => "the receiver does not answer in time".to_owned(),
        Error::Other(what) => what.clone(),
        Error::Refused(refusal) => refused(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
        let header = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        of(Ok(Response {
            status,
            headers: headers.iter().map(header).collect(),
            body: body.as_bytes().to_vec(),
            truncated: false,
        }))
    }

    #[test]
    fn statuses_decide() {
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(answer(status, &[], "ok"), Reply::Delivered);
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(
                matches!(answer(status, &[], ""), Reply::Again { after: None, .. }),
                "{status}"
            );
        }
        for status in [400, 401, 403, 404, 410, 422, 302, 304, 100] {
            assert!(matches!(answer(status, &[], ""), Reply::Refused(_)), "{status}");
        }
    }

    #[test]
    fn a_receiver_says_how_long_to_wait() {
        for (value, seconds) in [
            ("120", Some(120)),
            (" 7 ", Some(7)),
            ("0", Some(0)),
            ("99999999999", Some(LONGEST_WAIT)),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
            ("-1", None),
            ("", None),
        ] {
            let why = "the receiver answers with status 429: slow down".to_owned();
            let expected = Reply::Again { after: seconds, why };
            assert_eq!(
                answer(429, &[("retry-after", value)], "slow\ndown"),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn a_refusal_quotes_the_reason_on_one_line() {
        let body = format!("no_such\n\tchannel\u{1b}[31m {}", "x".repeat(1000));
        let Reply::Refused(text) = answer(404, &[], &body) else {
            panic!()
        };
        assert!(
            text.starts_with("the receiver answers with status 404: no_such channel[31m xxx"),
            "{text}"
        );
        assert!(text.len() < 400);
        let Reply::Refused(text) = answer(302, &[], "") else {
            panic!()
        };
        assert!(text.contains("give the final URL"));
    }

    #[test]
    fn what_was_not_sent_is_refused_or_tried_again() {
        let denied = Refusal::Denied("its host has a private address".to_owned());
        assert_eq!(
            of(Err(Error::Refused(denied))),
            Reply::Refused("the request is not sent: its host has a private address".to_owned())
        );
        for error in [
            Error::Dns,
            Error::Connect,
            Error::Tls,
            Error::Timeout,
            Error::Other("cut off".to_owned()),
        ] {
            let Reply::Again { after: None, why } = of(Err(error)) else {
                panic!()
            };
            assert!(!why.is_empty());
        }
    }
}
