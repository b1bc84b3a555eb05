//! Interface `checking`.

use wasmtime::component::Resource;

use super::{CheckRequest, Findings, ObjectSet, State, checking_api as checking, convert, types};
use crate::protocol::{Ask, SetName};

impl State {
    /// A finding, of whichever kind of plugin.
    pub(super) fn found(&mut self, diagnostic: types::Diagnostic) -> wasmtime::Result<()> {
        self.report(convert::diagnostic(diagnostic))
    }
}

impl checking::Host for State {}

impl checking::HostRequest for State {
    fn config(&mut self, _: Resource<CheckRequest>) -> wasmtime::Result<String> {
        self.text(Ask::Config)
    }

    fn objects(&mut self, _: Resource<CheckRequest>) -> wasmtime::Result<Resource<ObjectSet>> {
        match self.object_set(SetName::Objects)? {
            Some(set) => Ok(set),
            None => self.unexpected(),
        }
    }

    fn previous(&mut self, _: Resource<CheckRequest>) -> wasmtime::Result<Option<Resource<ObjectSet>>> {
        self.object_set(SetName::Previous)
    }

    fn kube_version(&mut self, _: Resource<CheckRequest>) -> wasmtime::Result<String> {
        self.text(Ask::KubeVersion)
    }

    fn drop(&mut self, request: Resource<CheckRequest>) -> wasmtime::Result<()> {
        self.table.delete(request)?;
        Ok(())
    }
}

impl checking::HostFindings for State {
    fn report(&mut self, _: Resource<Findings>, diagnostic: types::Diagnostic) -> wasmtime::Result<()> {
        self.found(diagnostic)
    }

    fn drop(&mut self, findings: Resource<Findings>) -> wasmtime::Result<()> {
        self.table.delete(findings)?;
        Ok(())
    }
}
