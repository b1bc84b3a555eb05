//! Maps a compiled plugin. The only place of Windlass with `unsafe`.

use std::os::fd::OwnedFd;

use wasmtime::{
    Engine, Store,
    component::{Component, InstancePre, Linker, Resource},
};
use windlass_core::plugin::World;

use super::{
    descriptor_path,
    guest::{
        CheckRequest, Event, Failure, Findings, HealthChecker, HealthCheckerPre, Linkers, Notifier, NotifierPre,
        Renderer, RendererPre, Request, Sink, Validator, ValidatorPre, convert,
    },
    state::State,
};
use crate::protocol::{Json, SetName, Tell};

/// A plugin ready to be called.
pub(super) enum Loaded {
    Renderer(RendererPre<State>),
    Validator(ValidatorPre<State>),
    Notifier(NotifierPre<State>),
    HealthChecker(HealthCheckerPre<State>),
}

/// A fresh instance of it.
pub(super) enum Instance {
    Renderer(Renderer),
    Validator(Validator),
    Notifier(Notifier),
    HealthChecker(HealthChecker),
}

impl Loaded {
    /// Maps an artefact and checks its types against the contract; the error is a sentence.
    pub(super) fn map(linkers: &Linkers, file: &OwnedFd, world: World) -> Result<Self, String> {
        let said = |error: wasmtime::Error| format!("{error:#}");
        match world {
            World::Renderer => {
                let instance = link(&linkers.renderer, file).map_err(said)?;
                RendererPre::new(instance).map(Self::Renderer).map_err(said)
            }
            World::Validator => {
                let instance = link(&linkers.validator, file).map_err(said)?;
                ValidatorPre::new(instance).map(Self::Validator).map_err(said)
            }
            World::Notifier => {
                let instance = link(&linkers.notifier, file).map_err(said)?;
                NotifierPre::new(instance).map(Self::Notifier).map_err(said)
            }
            World::HealthChecker => {
                let instance = link(&linkers.health_checker, file).map_err(said)?;
                HealthCheckerPre::new(instance).map(Self::HealthChecker).map_err(said)
            }
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        match self {
            Self::Renderer(plugin) => plugin.engine(),
            Self::Validator(plugin) => plugin.engine(),
            Self::Notifier(plugin) => plugin.engine(),
            Self::HealthChecker(plugin) => plugin.engine(),
        }
    }

    pub(super) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Instance> {
        Ok(match self {
            Self::Renderer(plugin) => Instance::Renderer(plugin.instantiate(store)?),
            Self::Validator(plugin) => Instance::Validator(plugin.instantiate(store)?),
            Self::Notifier(plugin) => Instance::Notifier(plugin.instantiate(store)?),
            Self::HealthChecker(plugin) => Instance::HealthChecker(plugin.instantiate(store)?),
        })
    }
}

impl Instance {
    /// Calls the export of its world, and tells what it returns beside a failure. All handles are borrowed: the guest can't
    /// keep them.
    pub(super) fn call(&self, store: &mut Store<State>) -> wasmtime::Result<Result<(), Failure>> {
        match self {
            Self::Renderer(instance) => {
                let (request, sink) = (borrow(store, Request)?, borrow(store, Sink)?);
                instance.windlass_plugin_render().call_render(store, request, sink)
            }
            Self::Validator(instance) => {
                let (request, findings) = (borrow(store, CheckRequest)?, borrow(store, Findings)?);
                instance
                    .windlass_plugin_validate()
                    .call_validate(store, request, findings)
            }
            Self::Notifier(instance) => {
                let event = borrow(store, Event)?;
                let answer = instance.windlass_plugin_notify().call_notify(&mut *store, event)?;
                let notified = convert::notified(answer);
                store.data_mut().tell(Tell::Notified(notified), &[])?;
                Ok(Ok(()))
            }
            Self::HealthChecker(instance) => assess(instance, store),
        }
    }
}

/// A verdict more than there are objects is told too: it is the engine that counts them.
fn assess(instance: &HealthChecker, store: &mut Store<State>) -> wasmtime::Result<Result<(), Failure>> {
    let Some(objects) = store.data_mut().object_set(SetName::Objects)? else {
        return store.data_mut().unexpected();
    };
    let most = store.data_mut().table.get(&objects)?.len as usize + 1;
    let borrowed = Resource::new_borrow(objects.rep());
    let verdicts = match instance.windlass_plugin_health().call_assess(&mut *store, borrowed)? {
        Ok(verdicts) => verdicts,
        Err(failure) => return Ok(Err(failure)),
    };
    for verdict in verdicts.into_iter().take(most) {
        let assessment = convert::assessment(verdict);
        store.data_mut().tell(Tell::Assessed(Json(assessment)), &[])?;
    }
    Ok(Ok(()))
}

fn borrow<T: Send + 'static>(store: &mut Store<State>, value: T) -> wasmtime::Result<Resource<T>> {
    let owned = store.data_mut().table.push(value)?;
    Ok(Resource::new_borrow(owned.rep()))
}

fn link(linker: &Linker<State>, file: &OwnedFd) -> wasmtime::Result<InstancePre<State>> {
    let component = deserialize(linker.engine(), file)?;
    linker.instantiate_pre(&component)
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check that a compiled component is its own output. The engine did: this descriptor is the \
              file whose content it authenticated with a key that no worker has, written by a compiling worker of the \
              same wasmtime into a folder of the engine's user alone, and never changed after its rename"
)]
fn deserialize(engine: &wasmtime::Engine, file: &OwnedFd) -> wasmtime::Result<Component> {
    // SAFETY: see the reason above; wasmtime itself refuses another version's or configuration's output.
    unsafe { Component::deserialize_file(engine, descriptor_path(file)) }
}
