//! One call with all it needs, so that it can outlive who waits for it.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use tokio::sync::oneshot;
use windlass_core::{
    plugin::World,
    render::{Diagnostic, Output},
};

use crate::{
    call::{self, Ended, Verdict},
    cancel::Cancel,
    capabilities::Capabilities,
    error::{CallError, HostFailure},
    fair::Tenant,
    flight::{Flight, Watched},
    limits::CallLimits,
    outcome::{Outcome, Recorded, Stats, outcome},
    plugin::Plugin,
    pool::{Pool, Slot},
    protocol::{Assessment, Notified},
    request::{AssessRequest, NotifyRequest, RenderRequest, ValidateRequest},
    session::{AssessSession, CheckSession, NotifySession, Session},
};

/// What a plugin of one kind is asked for.
pub(crate) trait Asked: Clone + Send + Sync + 'static {
    /// The kind.
    const WORLD: World;
    /// What comes out.
    type Output: Send + 'static;
    /// Serves the guest.
    type Session<'a>: Capabilities;

    /// Whether a call may be made once more when its worker died: it is pure, so nobody noticed the first one.
    const REPEATABLE: bool = true;

    /// Whose call it is.
    fn tenant(&self) -> &Tenant;
    /// Holds it to the contract's bounds.
    fn check(&self) -> Result<(), HostFailure>;
    /// Begins.
    fn session(&self, limits: CallLimits) -> Self::Session<'_>;
    /// Whether what came out of a call that ended well is whole.
    fn close(_: &Self::Session<'_>) -> Result<(), HostFailure> {
        Ok(())
    }
    /// Ends.
    fn finish(session: Self::Session<'_>) -> Recorded<Self::Output>;
    /// Findings in an output that is not kept.
    fn findings(output: Self::Output) -> Vec<Diagnostic>;
}

impl Asked for RenderRequest {
    const WORLD: World = World::Renderer;
    type Output = Output;
    type Session<'a> = Session<'a>;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn check(&self) -> Result<(), HostFailure> {
        Self::check(self)
    }

    fn session(&self, limits: CallLimits) -> Session<'_> {
        Session::new(self, limits)
    }

    fn finish(session: Session<'_>) -> Recorded<Output> {
        session.finish()
    }

    fn findings(output: Output) -> Vec<Diagnostic> {
        output.diagnostics
    }
}

impl Asked for ValidateRequest {
    const WORLD: World = World::Validator;
    type Output = Vec<Diagnostic>;
    type Session<'a> = CheckSession<'a>;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn check(&self) -> Result<(), HostFailure> {
        Self::check(self)
    }

    fn session(&self, limits: CallLimits) -> CheckSession<'_> {
        CheckSession::new(self, limits)
    }

    fn finish(session: CheckSession<'_>) -> Recorded<Vec<Diagnostic>> {
        session.finish()
    }

    fn findings(findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
        findings
    }
}

impl Asked for NotifyRequest {
    const WORLD: World = World::Notifier;
    const REPEATABLE: bool = false;
    type Output = Notified;
    type Session<'a> = NotifySession<'a>;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn check(&self) -> Result<(), HostFailure> {
        Self::check(self)
    }

    fn session(&self, limits: CallLimits) -> NotifySession<'_> {
        NotifySession::new(self, limits)
    }

    fn close(session: &NotifySession<'_>) -> Result<(), HostFailure> {
        session.close()
    }

    fn finish(session: NotifySession<'_>) -> Recorded<Notified> {
        session.finish()
    }

    fn findings(_: Notified) -> Vec<Diagnostic> {
        Vec::new()
    }
}

impl Asked for AssessRequest {
    const WORLD: World = World::HealthChecker;
    type Output = Vec<Assessment>;
    type Session<'a> = AssessSession<'a>;

    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn check(&self) -> Result<(), HostFailure> {
        Self::check(self)
    }

    fn session(&self, limits: CallLimits) -> AssessSession<'_> {
        AssessSession::new(self, limits)
    }

    fn close(session: &AssessSession<'_>) -> Result<(), HostFailure> {
        session.close()
    }

    fn finish(session: AssessSession<'_>) -> Recorded<Vec<Assessment>> {
        session.finish()
    }

    fn findings(_: Vec<Assessment>) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// A call that has its turn.
pub(crate) struct Job<R> {
    pub(crate) pool: Arc<Pool>,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) request: R,
    pub(crate) limits: CallLimits,
    /// When it was asked for.
    pub(crate) asked: Instant,
}

/// A call on its way, and where its outcome arrives.
pub(crate) type Started<T> = (Arc<Flight>, oneshot::Receiver<Outcome<T>>);

/// The outcome of a call without a worker's word.
pub(crate) fn lost<R: Asked>(
    plugin: &Plugin,
    request: &R,
    limits: &CallLimits,
    failure: HostFailure,
) -> Outcome<R::Output> {
    let recorded = R::finish(request.session(*limits));
    outcome(plugin, Ended::lost(failure), recorded, Stats::default(), R::findings)
}

impl<R: Asked> Job<R> {
    /// Starts the call on a thread of its own.
    pub(crate) fn start(
        self,
        slot: Slot,
        cancel: Cancel,
        stuck: &Arc<AtomicUsize>,
    ) -> Result<Started<R::Output>, HostFailure> {
        let flight = Flight::new(slot, cancel, stuck.clone());
        let (sender, receiver) = oneshot::channel();
        let thread = flight.clone();
        let work = move || {
            let outcome = self.run(&thread);
            thread.end();
            let _ = sender.send(outcome);
        };
        match std::thread::Builder::new().name(R::WORLD.name().to_owned()).spawn(work) {
            Ok(_) => Ok((flight, receiver)),
            Err(source) => Err(HostFailure::Spawn {
                what: "no thread can be started".to_owned(),
                source,
            }),
        }
    }

    fn run(&self, flight: &Flight) -> Outcome<R::Output> {
        let first = self.attempt(flight);
        match &first.result {
            Err(CallError::Host {
                source: HostFailure::WorkerDied { how, .. },
                ..
            }) if R::REPEATABLE && flight.is_awaited() => {
                tracing::warn!(plugin = %self.plugin.reference, how, "a worker died in the middle of a call: once more");
                self.attempt(flight)
            }
            _ => first,
        }
    }

    fn attempt(&self, flight: &Flight) -> Outcome<R::Output> {
        let mut session = self.request.session(self.limits);
        let mut stats = Stats::default();
        let ended = match self.pool.worker(&self.plugin.artefact, self.limits.memory) {
            Err(failure) => Ended::lost(failure),
            Ok((mut running, cold)) => {
                stats.cold = cold;
                running.join();
                flight.begin(&running, self.limits.time);
                let mut watched = Watched {
                    inner: &mut session,
                    flight,
                };
                let mut ended = call::drive(&mut running, &self.plugin, &self.limits, &flight.cancel, &mut watched);
                if let (Verdict::Ok, Err(failure)) = (&ended.verdict, R::close(&session)) {
                    ended.verdict = Verdict::Host(failure);
                }
                if ended.healthy && flight.is_awaited() {
                    self.pool.give_back(running);
                }
                ended
            }
        };
        stats.wall = self.asked.elapsed();
        outcome(&self.plugin, ended, R::finish(session), stats, R::findings)
    }
}
