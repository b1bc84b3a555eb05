//! Serves the guest of one assessment from its objects. Nothing is recorded: an assessment depends on all it was given.

use windlass_core::trace::Trace;

use super::{meter::Meter, objects, size};
use crate::{
    capabilities::{Capabilities, Stop},
    error::HostFailure,
    limits::CallLimits,
    outcome::Recorded,
    protocol::{Answer, Ask, Assessment, Json, SetName, Tell},
    request::AssessRequest,
    weight,
};

/// One assessment's state in the engine.
pub(crate) struct AssessSession<'a> {
    request: &'a AssessRequest,
    meter: Meter,
    assessed: Vec<Assessment>,
}

impl<'a> AssessSession<'a> {
    pub(crate) fn new(request: &'a AssessRequest, limits: CallLimits) -> Self {
        Self {
            request,
            meter: Meter::new(limits),
            assessed: Vec::new(),
        }
    }

    /// Every object has its verdict.
    pub(crate) fn close(&self) -> Result<(), HostFailure> {
        let (verdicts, objects) = (self.assessed.len(), self.request.objects.len());
        if verdicts == objects {
            return Ok(());
        }
        let what = format!("it gave {verdicts} verdicts on {objects} objects");
        Err(HostFailure::Misuse { what })
    }

    pub(crate) fn finish(self) -> Recorded<Vec<Assessment>> {
        let assessed = self.assessed;
        self.meter.finish(Trace::default(), |_| assessed)
    }
}

impl Capabilities for AssessSession<'_> {
    fn answer(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Stop> {
        self.meter.ask()?;
        let answer = objects::answer(&ask, |set| match set {
            SetName::Objects => Some(Some(self.request.objects.as_slice())),
            SetName::Input | SetName::Previous => None,
        })?;
        let answer = answer.ok_or_else(|| HostFailure::Protocol {
            what: format!("a health checker has no question such as {ask:?}"),
        })?;
        self.meter.hand_out(size(&answer))?;
        Ok((answer, Vec::new()))
    }

    fn take(&mut self, tell: Tell, _: Vec<u8>) -> Result<(), Stop> {
        match tell {
            Tell::Assessed(Json(assessment)) => {
                let objects = self.request.objects.len();
                if self.assessed.len() == objects {
                    let what = format!("it gave more than {objects} verdicts on {objects} objects");
                    return Err(HostFailure::Misuse { what }.into());
                }
                self.meter.emit(weight::assessment(&assessment), 0)?;
                self.assessed.push(assessment);
                Ok(())
            }
            Tell::Log(line) => {
                self.meter.log(line);
                Ok(())
            }
            Tell::Notified(_) | Tell::Emit(_) | Tell::Report(_) => {
                let what = "a health checker gives verdicts, and nothing else".to_owned();
                Err(HostFailure::Protocol { what }.into())
            }
        }
    }
}
