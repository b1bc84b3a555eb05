//! Serves the guest of one validation from its request. Nothing is recorded: a validation depends on all it was given.

use windlass_core::{
    render::{Diagnostic, Location},
    trace::Trace,
};

use super::{meter::Meter, objects, size};
use crate::{
    capabilities::{Capabilities, Stop},
    error::HostFailure,
    limits::CallLimits,
    outcome::Recorded,
    protocol::{Answer, Ask, Json, SetName, Tell},
    request::ValidateRequest,
};

/// One validation's state in the engine.
pub(crate) struct CheckSession<'a> {
    request: &'a ValidateRequest,
    meter: Meter,
}

impl<'a> CheckSession<'a> {
    pub(crate) fn new(request: &'a ValidateRequest, limits: CallLimits) -> Self {
        Self {
            request,
            meter: Meter::new(limits),
        }
    }

    pub(crate) fn finish(self) -> Recorded<Vec<Diagnostic>> {
        self.meter.finish(Trace::default(), |diagnostics| diagnostics)
    }

    fn in_objects(&self, ask: &Ask) -> Result<Option<Answer>, Stop> {
        let request = self.request;
        objects::answer(ask, |set| match set {
            SetName::Objects => Some(Some(request.objects.as_slice())),
            SetName::Previous => Some(request.previous.as_deref().map(Vec::as_slice)),
            SetName::Input => None,
        })
    }

    /// A finding about an object that was never handed in can be shown to nobody: the plugin is at fault, and what else it
    /// says can't be trusted to be about the right object.
    fn check_places(&self, diagnostic: &Diagnostic) -> Result<(), Stop> {
        let len = self.request.objects.len();
        let places = std::iter::once(&diagnostic.at).chain(diagnostic.related.iter().map(|(at, _)| at));
        for place in places {
            match place {
                Location::Object { index, .. } if *index as usize >= len => {
                    let what = format!("a finding points at object {index} of {len}");
                    return Err(HostFailure::Misuse { what }.into());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Capabilities for CheckSession<'_> {
    fn answer(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Stop> {
        self.meter.ask()?;
        let answer = match &ask {
            Ask::Config => Some(Answer::Text(self.request.config.clone())),
            Ask::KubeVersion => Some(Answer::Text(self.request.kube_version.clone())),
            about_objects => self.in_objects(about_objects)?,
        };
        let answer = answer.ok_or_else(|| HostFailure::Protocol {
            what: format!("a validator has no question such as {ask:?}"),
        })?;
        self.meter.hand_out(size(&answer))?;
        Ok((answer, Vec::new()))
    }

    fn take(&mut self, tell: Tell, _: Vec<u8>) -> Result<(), Stop> {
        match tell {
            Tell::Report(Json(diagnostic)) => {
                self.check_places(&diagnostic)?;
                self.meter.report(diagnostic);
                Ok(())
            }
            Tell::Log(line) => {
                self.meter.log(line);
                Ok(())
            }
            Tell::Emit(_) | Tell::Notified(_) | Tell::Assessed(_) => {
                let what = "a validator gives findings, and nothing else".to_owned();
                Err(HostFailure::Protocol { what }.into())
            }
        }
    }
}
