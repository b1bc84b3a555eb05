//! Interface `rendering`.

use wasmtime::component::Resource;

use super::{ObjectSet, Request, Sink, State, Tree, convert, rendering_api as rendering, types};
use crate::{
    error::BudgetKind,
    limits,
    protocol::{Answer, Ask, Json, SetName, Tell},
    weight,
};

impl State {
    fn flag(&mut self, ask: Ask) -> wasmtime::Result<bool> {
        match self.ask(ask)?.0 {
            Answer::Flag(flag) => Ok(flag),
            _ => self.unexpected(),
        }
    }
}

impl rendering::Host for State {}

impl rendering::HostRequest for State {
    fn tree(&mut self, _: Resource<Request>) -> wasmtime::Result<Resource<Tree>> {
        Ok(self.table.push(Tree { label: String::new() })?)
    }

    fn path(&mut self, _: Resource<Request>) -> wasmtime::Result<String> {
        self.text(Ask::Path)
    }

    fn config(&mut self, _: Resource<Request>) -> wasmtime::Result<String> {
        self.text(Ask::Config)
    }

    fn app(&mut self, _: Resource<Request>) -> wasmtime::Result<rendering::App> {
        match self.ask(Ask::App)?.0 {
            Answer::App(app) => Ok(rendering::App {
                namespace: app.namespace,
                name: app.name,
                target_namespace: app.target_namespace,
            }),
            _ => self.unexpected(),
        }
    }

    fn now(&mut self, _: Resource<Request>) -> wasmtime::Result<types::Instant> {
        match self.ask(Ask::Now)?.0 {
            Answer::Instant(at) => Ok(types::Instant {
                seconds: at.seconds,
                nanoseconds: at.nanoseconds,
            }),
            _ => self.unexpected(),
        }
    }

    fn kube_version(&mut self, _: Resource<Request>) -> wasmtime::Result<String> {
        self.text(Ask::KubeVersion)
    }

    fn has_api(&mut self, _: Resource<Request>, name: String) -> wasmtime::Result<bool> {
        self.flag(Ask::HasApi { name })
    }

    fn apis(&mut self, _: Resource<Request>) -> wasmtime::Result<Vec<String>> {
        self.texts(Ask::Apis)
    }

    fn input(&mut self, _: Resource<Request>) -> wasmtime::Result<Option<Resource<ObjectSet>>> {
        self.object_set(SetName::Input)
    }

    fn source(&mut self, _: Resource<Request>, name: String) -> wasmtime::Result<Option<Resource<Tree>>> {
        let label = name.clone();
        if self.flag(Ask::Source { name })? {
            Ok(Some(self.table.push(Tree { label })?))
        } else {
            Ok(None)
        }
    }

    fn drop(&mut self, request: Resource<Request>) -> wasmtime::Result<()> {
        self.table.delete(request)?;
        Ok(())
    }
}

impl rendering::HostSink for State {
    /// Documents leave at once, so that a big output is never held twice; the engine keeps them only if the call ends well.
    fn emit(&mut self, _: Resource<Sink>, document: rendering::Document) -> wasmtime::Result<u32> {
        let index = self.sink.documents;
        let (head, content) = convert::document(document);
        let (size, beside) = (content.len() as u64, weight::head(&head));
        self.within(size, BudgetKind::Document, limits::DOCUMENT_BYTES)?;
        self.within(beside, BudgetKind::Message, limits::MESSAGE_BYTES)?;
        self.sink.output_bytes += size + beside;
        self.within(self.sink.output_bytes, BudgetKind::Output, self.limits.output_bytes)?;
        self.within(index + 1, BudgetKind::Documents, self.limits.documents)?;
        self.sink.documents += 1;
        self.tell(Tell::Emit(Json(head)), &content)?;
        Ok(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn report(&mut self, _: Resource<Sink>, diagnostic: types::Diagnostic) -> wasmtime::Result<()> {
        self.found(diagnostic)
    }

    fn drop(&mut self, sink: Resource<Sink>) -> wasmtime::Result<()> {
        self.table.delete(sink)?;
        Ok(())
    }
}
