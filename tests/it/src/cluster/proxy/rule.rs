//! Which requests are spoiled, and how.

use std::time::Duration;

use regex::Regex;

use crate::cluster::Problem;

/// Requests that a fault is for.
#[derive(Debug, Clone)]
pub struct Rule {
    of: Regex,
    fault: Fault,
    skipped: usize,
    rounds: Option<usize>,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Answered in the server's place, which sees nothing of it: this status, its reason in Kubernetes' words, and `Retry-After`
    /// in seconds. 429 and 503 of an overloaded server, 500, 410 for a list or watch that begins too long ago, 503 for a group
    /// whose aggregated server is down.
    Status {
        /// HTTP status.
        code: u16,
        /// For [`Fault::Status::code`] 429 and 503.
        retry_after: Option<u32>,
    },
    /// The connection is reset before the server sees anything.
    Reset,
    /// The server does what it is asked, and the connection is reset before its answer: nobody knows whether it was done.
    LostAnswer,
    /// The answer's head comes, so many bytes of its body, and then a reset.
    ResetAfter(usize),
    /// A watch ends after so many events, in good order.
    EndAfter(usize),
    /// A watch breaks off after so many events, within the next one.
    CutAfter(usize),
    /// After so many events, a watch is told by an `ERROR` event of code 410 that its resource version is too old, and ends.
    ExpireAfter(usize),
    /// After so many events, nothing comes any more, and the connection stands: a load balancer forgot it.
    SilentAfter(usize),
    /// The request waits so long before the server gets it.
    Delay(Duration),
    /// The answer's body comes in pieces of so many bytes, with this pause before each.
    Slow {
        /// Bytes.
        piece: usize,
        /// Before each piece.
        pause: Duration,
    },
    /// No answer ever comes; the server sees nothing of the request.
    Stall,
}

impl Fault {
    /// After how many events of a watch it comes.
    pub(super) fn events(self) -> Option<usize> {
        match self {
            Self::EndAfter(events) | Self::CutAfter(events) | Self::ExpireAfter(events) | Self::SilentAfter(events) => {
                Some(events)
            }
            _ => None,
        }
    }
}

impl Rule {
    /// For requests whose `METHOD path?query` this regular expression finds something in, for example
    /// `^PATCH /apis/apps/v1/namespaces/[^/]+/deployments/api\?` or `watch=(1|true)`.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn new(requests: &str, fault: Fault) -> Result<Self, Problem> {
        Ok(Self {
            of: Regex::new(requests)?,
            fault,
            skipped: 0,
            rounds: None,
        })
    }

    /// For so many requests only, then never again.
    #[must_use]
    pub fn times(mut self, rounds: usize) -> Self {
        self.rounds = Some(rounds);
        self
    }

    /// Lets so many that fit pass first.
    #[must_use]
    pub fn after(mut self, passing: usize) -> Self {
        self.skipped = passing;
        self
    }

    /// The fault for a request, which is counted.
    pub(super) fn judge(&mut self, request: &str) -> Option<Fault> {
        if self.rounds == Some(0) || !self.of.is_match(request) {
            return None;
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return None;
        }
        if let Some(rounds) = &mut self.rounds {
            *rounds -= 1;
        }
        Some(self.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_counts_what_fits() {
        let mut rule = Rule::new("^GET /api/v1/pods", Fault::Reset).unwrap().after(1).times(2);
        let judged = [
            "GET /api/v1/pods",
            "POST /api/v1/pods",
            "GET /api/v1/pods?watch=1",
            "GET /api/v1/pods",
        ];
        assert_eq!(
            judged.map(|request| rule.judge(request)),
            [None, None, Some(Fault::Reset), Some(Fault::Reset)]
        );
        assert_eq!(rule.judge("GET /api/v1/pods"), None);
        assert!(Rule::new("(", Fault::Reset).is_err());
    }
}
