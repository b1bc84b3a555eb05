//! Interface `events`.

use wasmtime::component::Resource;

use super::{Event, State, events_api as events, types};
use crate::protocol::{Answer, Ask, EventHead};

impl State {
    fn head(&mut self) -> wasmtime::Result<EventHead> {
        match self.ask(Ask::Event)?.0 {
            Answer::Event(head) => Ok(head),
            _ => self.unexpected(),
        }
    }
}

impl events::Host for State {}

impl events::HostEvent for State {
    fn key(&mut self, _: Resource<Event>) -> wasmtime::Result<String> {
        Ok(self.head()?.key)
    }

    fn kind(&mut self, _: Resource<Event>) -> wasmtime::Result<String> {
        Ok(self.head()?.kind)
    }

    fn at(&mut self, _: Resource<Event>) -> wasmtime::Result<types::Instant> {
        let at = self.head()?.at;
        Ok(types::Instant {
            seconds: at.seconds,
            nanoseconds: at.nanoseconds,
        })
    }

    fn attempt(&mut self, _: Resource<Event>) -> wasmtime::Result<u32> {
        Ok(self.head()?.attempt)
    }

    fn config(&mut self, _: Resource<Event>) -> wasmtime::Result<String> {
        self.text(Ask::Config)
    }

    fn payload(&mut self, _: Resource<Event>) -> wasmtime::Result<String> {
        self.text(Ask::Payload)
    }

    fn drop(&mut self, event: Resource<Event>) -> wasmtime::Result<()> {
        self.table.delete(event)?;
        Ok(())
    }
}
