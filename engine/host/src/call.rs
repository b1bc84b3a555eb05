//! One call, as the engine drives it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use windlass_core::render::Failure;

use crate::{
    cancel::Cancel,
    capabilities::{Capabilities, Stop},
    error::{Budget, BudgetKind, HostFailure},
    limits::{self, CallLimits},
    plugin::Plugin,
    pool::Running,
    protocol::{Call, Done, End, Message, Reply},
};

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Verdict {
    Ok,
    Failed(Failure),
    Trapped {
        budget: Option<Budget>,
        message: String,
        backtrace: String,
    },
    Host(HostFailure),
}

/// A verdict with what the worker measured.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) verdict: Verdict,
    pub(crate) instantiate: Duration,
    pub(crate) peak_memory: u64,
    pub(crate) dropped_log_lines: u64,
    pub(crate) dropped_diagnostics: u64,
    /// Whether the worker may serve another call.
    pub(crate) healthy: bool,
}

impl Ended {
    /// Without the worker's word.
    pub(crate) fn lost(failure: HostFailure) -> Self {
        Self {
            verdict: Verdict::Host(failure),
            instantiate: Duration::ZERO,
            peak_memory: 0,
            dropped_log_lines: 0,
            dropped_diagnostics: 0,
            healthy: false,
        }
    }
}

/// Runs one call on a worker and serves what the guest asks. Never panics; never takes longer than the deadline, the
/// grace and what one question costs.
pub(crate) fn drive(
    running: &mut Running,
    plugin: &Plugin,
    limits: &CallLimits,
    cancel: &Cancel,
    capabilities: &mut impl Capabilities,
) -> Ended {
    let call = Call {
        component: plugin.digest(),
        limits: *limits,
    };
    let deadline = Instant::now() + limits.time + limits::GRACE;
    capabilities.begin(deadline - limits::GRACE);
    running.worker.limit(deadline, cancel);
    if let Err(failure) = running.worker.send(&call, &[]) {
        return Ended::lost(failure);
    }
    let mut stopped = None;
    loop {
        let (message, body) = match running.worker.receive() {
            Ok(frame) => frame,
            Err(failure) => return broken(failure, stopped, running, limits),
        };
        let over = stopped.is_some();
        match step(message, body, &mut stopped, capabilities) {
            Step::Answer(reply, body) => {
                if let Err(failure) = running.worker.send(&reply, &body) {
                    return broken(failure, stopped, running, limits);
                }
            }
            Step::Continue => {}
            Step::Done(done) => return ended(done, stopped),
            Step::Broken(failure) => return Ended::lost(failure),
        }
        if stopped.is_some() && !over {
            // A guest that asks nothing more does not learn that it is over: its worker gets the grace, no more.
            running
                .worker
                .limit(deadline.min(Instant::now() + limits::GRACE), cancel);
        }
    }
}

/// A call without the worker's last word. What ended it before is the cause; a worker that died for want of memory served
/// this guest alone.
fn broken(failure: HostFailure, stopped: Option<Stop>, running: &Running, limits: &CallLimits) -> Ended {
    let cancelled = matches!(failure, HostFailure::Cancelled);
    let verdict = match (stopped, failure) {
        (Some(stop), _) if !cancelled => Verdict::from(stop),
        (_, failure) if failure.is_out_of_memory() => {
            let limit = running.memory + limits::WORKER_OVERHEAD;
            Verdict::from(Stop::Budget(Budget::new(BudgetKind::Worker, limit)))
        }
        (_, HostFailure::Unresponsive { .. }) => Verdict::Host(HostFailure::Unresponsive {
            after: limits.time + limits::GRACE,
        }),
        (_, failure) => Verdict::Host(failure),
    };
    Ended {
        verdict,
        ..Ended::lost(HostFailure::Cancelled)
    }
}

impl From<Stop> for Verdict {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Host(failure) => Self::Host(failure),
            Stop::Budget(budget) => Self::Trapped {
                budget: Some(budget),
                message: budget.to_string(),
                backtrace: String::new(),
            },
        }
    }
}

enum Step {
    Answer(Reply, Vec<u8>),
    Continue,
    Done(Done),
    Broken(HostFailure),
}

fn step(message: Message, body: Vec<u8>, stopped: &mut Option<Stop>, capabilities: &mut impl Capabilities) -> Step {
    let asked = matches!(message, Message::Ask(_));
    // A defect in what serves the guest must not take the engine down.
    let served = catch_unwind(AssertUnwindSafe(|| match message {
        Message::Done(done) => Ok(Step::Done(done)),
        // What still comes after the end is not looked at: one deadline bounds it.
        Message::Ask(_) | Message::Tell(_) if stopped.is_some() => Ok(over(asked)),
        Message::Ask(ask) => capabilities
            .answer(ask)
            .map(|(answer, body)| Step::Answer(Reply::Answer(answer), body)),
        Message::Tell(tell) => capabilities.take(tell, body).map(|()| Step::Continue),
    }));
    match served {
        Ok(Ok(step)) => step,
        Ok(Err(Stop::Host(failure @ HostFailure::Protocol { .. }))) => Step::Broken(failure),
        Ok(Err(stop)) => {
            *stopped = Some(stop);
            over(asked)
        }
        Err(panic) => {
            let message = crate::worker::panic_text(panic.as_ref());
            Step::Broken(HostFailure::Internal { message })
        }
    }
}

/// Only a question has an answer; a guest that asks no more learns nothing and loses its output.
const fn over(asked: bool) -> Step {
    if asked {
        Step::Answer(Reply::End, Vec::new())
    } else {
        Step::Continue
    }
}

fn ended(done: Done, stopped: Option<Stop>) -> Ended {
    let healthy = !matches!(done.end, End::Broken { .. });
    let verdict = match (stopped, done.end) {
        (Some(stop), _) => Verdict::from(stop),
        (None, End::Ok) => Verdict::Ok,
        (None, End::Failure(failure)) => Verdict::Failed(failure.0),
        (
            None,
            End::Trap {
                budget,
                message,
                backtrace,
            },
        ) => Verdict::Trapped {
            budget,
            message,
            backtrace,
        },
        (None, End::Stopped) => {
            let what = "it says that it was told to stop, and was not".to_owned();
            Verdict::Host(HostFailure::Protocol { what })
        }
        (None, End::Broken { message }) => Verdict::Host(HostFailure::Internal { message }),
    };
    let Done {
        instantiate,
        peak_memory,
        dropped_log_lines,
        dropped_diagnostics,
        ..
    } = done;
    Ended {
        verdict,
        instantiate,
        peak_memory,
        dropped_log_lines,
        dropped_diagnostics,
        healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Answer, Ask, Level, LogLine, Tell};

    /// A defect, or a budget that is always used up.
    enum Odd {
        Panics,
        Full,
    }

    impl Capabilities for Odd {
        fn answer(&mut self, _: Ask) -> Result<(Answer, Vec<u8>), Stop> {
            match self {
                Self::Panics => panic!("a defect"),
                Self::Full => Err(Budget::new(crate::BudgetKind::Asks, 1).into()),
            }
        }

        fn take(&mut self, _: Tell, _: Vec<u8>) -> Result<(), Stop> {
            self.answer(Ask::Path).map(|_| ())
        }
    }

    #[test]
    fn a_panic_of_the_host_ends_the_call_only() {
        let step = step(Message::Ask(Ask::Path), Vec::new(), &mut None, &mut Odd::Panics);
        assert!(matches!(step, Step::Broken(HostFailure::Internal { message }) if message == "a defect"));
    }

    #[test]
    fn only_a_question_is_told_that_the_call_is_over() {
        let line = || LogLine {
            level: Level::Info,
            message: String::new(),
            fields: Vec::new(),
        };
        let mut stopped = None;
        let told = step(
            Message::Tell(Tell::Log(line())),
            Vec::new(),
            &mut stopped,
            &mut Odd::Full,
        );
        assert!(matches!(told, Step::Continue) && stopped.is_some());
        let asked = step(Message::Ask(Ask::Path), Vec::new(), &mut stopped, &mut Odd::Panics);
        assert!(matches!(asked, Step::Answer(Reply::End, _)));
        let end = Done {
            end: End::Ok,
            instantiate: Duration::ZERO,
            peak_memory: 0,
            dropped_log_lines: 0,
            dropped_diagnostics: 0,
        };
        assert!(matches!(
            ended(end, stopped).verdict,
            Verdict::Trapped { budget: Some(_), .. }
        ));
    }
}
