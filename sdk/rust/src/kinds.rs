//! A trait for each kind of plugin. The host takes a fresh instance for each call, so there is no `self`: nothing
//! that a call leaves behind is seen by the next.

use crate::{CheckRequest, Event, Failure, Findings, NotifyFailure, ObjectSet, RenderRequest, Sink, Verdict};

/// Files in, Kubernetes documents out.
pub trait Renderer {
    /// Renders the app at [`RenderRequest::path`] and emits its documents.
    ///
    /// Must depend on nothing but what `request` and entropy answer. What was emitted counts only when `Ok` comes
    /// back and no reported diagnostic is an error.
    ///
    /// # Errors
    /// [`Failure::Invalid`] when the input is at fault, [`Failure::Unsupported`] when this plugin can't do what is
    /// asked, [`Failure::Internal`] when it is at fault itself.
    fn render(request: &RenderRequest, out: &Sink) -> Result<(), Failure>;
}

/// Objects in, findings out.
pub trait Validator {
    /// Looks at the objects of `request` and reports what is wrong with them.
    ///
    /// # Errors
    /// As [`Renderer::render`]. A finding is no failure: report it and return `Ok`.
    fn validate(request: &CheckRequest, findings: &Findings) -> Result<(), Failure>;
}

/// An event in, a message out.
pub trait Notifier {
    /// Tells somebody of `event`; answers the receiver's id of the message, if there is one.
    ///
    /// May be called again with the same [`Event::key`]: a receiver that takes an idempotency key is to get it.
    ///
    /// # Errors
    /// [`NotifyFailure::Retry`] when it may work later; the others are final.
    fn notify(event: &Event) -> Result<Option<String>, NotifyFailure>;
}

/// Objects in, one verdict each out.
pub trait HealthChecker {
    /// Assesses each of `objects`, in their order.
    ///
    /// # Errors
    /// As [`Renderer::render`]. An object that can't be understood is [`State::Unknown`](crate::State), not a failure.
    fn assess(objects: &ObjectSet) -> Result<Vec<Verdict>, Failure>;
}
