//! Serves the guest of one notification: the event, and requests. Nothing is recorded: a notification is never kept.

use std::time::Instant;

use windlass_core::trace::Trace;

use super::{meter::Meter, size};
use crate::{
    capabilities::{Capabilities, Stop},
    error::{Budget, BudgetKind, HostFailure},
    http,
    limits::{self, CallLimits},
    outcome::Recorded,
    protocol::{Answer, Ask, EventHead, HttpRequest, Notified, Tell},
    request::NotifyRequest,
};

/// One notification's state in the engine.
pub(crate) struct NotifySession<'a> {
    request: &'a NotifyRequest,
    meter: Meter,
    deadline: Instant,
    requests: u64,
    notified: Option<Notified>,
}

impl<'a> NotifySession<'a> {
    pub(crate) fn new(request: &'a NotifyRequest, limits: CallLimits) -> Self {
        Self {
            request,
            meter: Meter::new(limits),
            deadline: Instant::now() + limits.time,
            requests: 0,
            notified: None,
        }
    }

    /// A call that ended well has said how.
    pub(crate) fn close(&self) -> Result<(), HostFailure> {
        if self.notified.is_some() {
            return Ok(());
        }
        let what = "the call ended without an answer".to_owned();
        Err(HostFailure::Protocol { what })
    }

    pub(crate) fn finish(self) -> Recorded<Notified> {
        // Looked at only when the call ended well, and then there is one.
        let notified = self.notified.unwrap_or(Notified::Retry(None));
        self.meter.finish(Trace::default(), |_| notified)
    }

    fn head(&self) -> EventHead {
        let request = self.request;
        EventHead {
            key: request.key.clone(),
            kind: request.kind.clone(),
            at: request.at,
            attempt: request.attempt,
        }
    }

    fn send(&mut self, request: HttpRequest) -> Result<(Answer, Vec<u8>), Stop> {
        self.requests += 1;
        if self.requests > limits::REQUESTS {
            return Err(Budget::new(BudgetKind::Requests, limits::REQUESTS).into());
        }
        match http::send(&self.request.egress, request, self.deadline) {
            Ok((head, body)) => {
                let headers: usize = head.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                self.meter.hand_out(headers + body.len())?;
                Ok((Answer::Sent(head), body))
            }
            Err(error) => Ok((Answer::Unsent(error), Vec::new())),
        }
    }
}

impl Capabilities for NotifySession<'_> {
    fn begin(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    fn answer(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Stop> {
        self.meter.ask()?;
        let answer = match ask {
            Ask::Send { request } => return self.send(request),
            Ask::Event => Answer::Event(self.head()),
            Ask::Config => Answer::Text(self.request.config.clone()),
            Ask::Payload => Answer::Text(self.request.payload.clone()),
            other => {
                let what = format!("a notifier has no question such as {other:?}");
                return Err(HostFailure::Protocol { what }.into());
            }
        };
        self.meter.hand_out(size(&answer))?;
        Ok((answer, Vec::new()))
    }

    fn take(&mut self, tell: Tell, _: Vec<u8>) -> Result<(), Stop> {
        match tell {
            Tell::Notified(notified) if self.notified.is_none() => {
                self.notified = Some(notified);
                Ok(())
            }
            Tell::Log(line) => {
                self.meter.log(line);
                Ok(())
            }
            Tell::Notified(_) | Tell::Emit(_) | Tell::Report(_) | Tell::Assessed(_) => {
                let what = "a notifier gives one answer, and nothing else".to_owned();
                Err(HostFailure::Protocol { what }.into())
            }
        }
    }
}
