//! Interface `objects`: the sets stay with the engine, a handle says which.

use wasmtime::component::Resource;

use super::{ObjectSet, State, objects_api as objects, types};
use crate::protocol::{Answer, Ask, ObjectHead, SetName};

impl State {
    pub(super) fn text(&mut self, ask: Ask) -> wasmtime::Result<String> {
        match self.ask(ask)?.0 {
            Answer::Text(text) => Ok(text),
            _ => self.unexpected(),
        }
    }

    pub(super) fn texts(&mut self, ask: Ask) -> wasmtime::Result<Vec<String>> {
        match self.ask(ask)?.0 {
            Answer::Texts(texts) => Ok(texts),
            _ => self.unexpected(),
        }
    }

    /// A handle on a set of the request, if it has it.
    pub(in crate::worker) fn object_set(&mut self, name: SetName) -> wasmtime::Result<Option<Resource<ObjectSet>>> {
        match self.ask(Ask::Set { set: name })?.0 {
            Answer::Count(None) => Ok(None),
            Answer::Count(Some(len)) => Ok(Some(self.table.push(ObjectSet { name, len })?)),
            _ => self.unexpected(),
        }
    }

    fn name(&self, set: &Resource<ObjectSet>) -> wasmtime::Result<SetName> {
        Ok(self.table.get(set)?.name)
    }
}

impl objects::Host for State {}

impl objects::HostObjectSet for State {
    fn len(&mut self, set: Resource<ObjectSet>) -> wasmtime::Result<u32> {
        Ok(self.table.get(&set)?.len)
    }

    fn heads(&mut self, set: Resource<ObjectSet>, start: u32, max: u32) -> wasmtime::Result<Vec<types::ObjectRef>> {
        let set = self.name(&set)?;
        let reference = |head: ObjectHead| types::ObjectRef {
            group: head.group,
            version: head.version,
            kind: head.kind,
            namespace: head.namespace,
            name: head.name,
        };
        match self.ask(Ask::Heads { set, start, max })?.0 {
            Answer::Heads(heads) => Ok(heads.into_iter().map(reference).collect()),
            _ => self.unexpected(),
        }
    }

    fn select(&mut self, set: Resource<ObjectSet>, group: String, kind: String) -> wasmtime::Result<Vec<u32>> {
        let set = self.name(&set)?;
        match self.ask(Ask::Select { set, group, kind })?.0 {
            Answer::Indexes(indexes) => Ok(indexes),
            _ => self.unexpected(),
        }
    }

    fn bodies(&mut self, set: Resource<ObjectSet>, start: u32, max_bytes: u32) -> wasmtime::Result<Vec<String>> {
        let set = self.name(&set)?;
        self.texts(Ask::Bodies { set, start, max_bytes })
    }

    fn body(&mut self, set: Resource<ObjectSet>, index: u32) -> wasmtime::Result<String> {
        let set = self.name(&set)?;
        self.text(Ask::Body { set, index })
    }

    fn field(&mut self, set: Resource<ObjectSet>, index: u32, at: String) -> wasmtime::Result<Option<String>> {
        let set = self.name(&set)?;
        match self.ask(Ask::Field { set, index, at })?.0 {
            Answer::Field(field) => Ok(field),
            _ => self.unexpected(),
        }
    }

    fn drop(&mut self, set: Resource<ObjectSet>) -> wasmtime::Result<()> {
        self.table.delete(set)?;
        Ok(())
    }
}
