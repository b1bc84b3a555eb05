//! Hostile plugins, one test an attack: the engine lives, says which plugin used up which budget of how much and who is to
//! blame, and the next render works. `tests/guests/README.md` lists them all.

mod floods;
mod garbage;
mod guest;
mod killed;
mod loading;
mod reads;
mod slow_compile;
mod space;
mod time;
mod turns;

use std::sync::Arc;

use windlass_host::{
    Blame, BudgetKind, CallError, CallLimits, Cancel, Host, LoadError, LoadOptions, Outcome, Plugin, RenderRequest,
};

use super::{Memory, host, request, trap};

/// A hostile plugin, and an honest one on the same host.
struct Attack {
    host: Host,
    plugin: Arc<Plugin>,
    honest: Arc<Plugin>,
    request: RenderRequest,
    limits: CallLimits,
}

impl Attack {
    /// By a guest of `tests/guests/hostile`.
    fn by(name: &str) -> Self {
        Self::of(&guest::hostile(name))
    }

    fn of(component: &[u8]) -> Self {
        let host = host();
        let load = |bytes: &[u8]| host.load(bytes, &LoadOptions::default()).unwrap();
        let (plugin, honest) = (load(component), load(&guest::hostile("honest")));
        Self {
            host,
            plugin,
            honest,
            request: request(Memory::of(&[("app/a.yaml", "a: 1\n")]).tree("")),
            limits: CallLimits::default(),
        }
    }

    fn within(self, limits: CallLimits) -> Self {
        Self { limits, ..self }
    }

    fn call(&self) -> Outcome {
        let cancel = Cancel::default();
        self.host.render(&self.plugin, &self.request, &self.limits, &cancel)
    }

    /// Ended by a budget, which is told with its number, and blamed on the plugin by name.
    fn is_ended_by(&self, kind: BudgetKind, sentence: &str) {
        let outcome = self.call();
        let text = self.told(&outcome);
        assert!(text.contains(sentence), "{text}");
        let trap = trap(outcome);
        assert_eq!(trap.budget.map(|budget| budget.kind), Some(kind), "{trap:?}");
        self.next_render_works();
    }

    /// Ended by the runtime in words that hold `sentence`, and blamed on the plugin by name.
    fn crashes(&self, sentence: &str) {
        let outcome = self.call();
        let text = self.told(&outcome);
        assert!(text.contains(sentence), "{text}");
        self.next_render_works();
    }

    /// What is said of a call that the plugin is to blame for.
    fn told(&self, outcome: &Outcome) -> String {
        let error = outcome.result.as_ref().unwrap_err();
        let text = error.to_string();
        let name = format!("plugin {}, render: ", self.plugin.reference());
        assert!(text.starts_with(&name), "{text}");
        assert_eq!(error.blame(), Blame::Plugin, "{error:?}");
        text
    }

    fn next_render_works(&self) {
        let cancel = Cancel::default();
        let outcome = self.host.render(&self.honest, &self.request, &self.limits, &cancel);
        outcome.result.unwrap();
    }
}

/// Why the host ended a call.
fn host_failure(outcome: Outcome) -> windlass_host::HostFailure {
    match outcome.result {
        Err(CallError::Host { source, .. }) => source,
        other => panic!("expected a failure of the host, got {other:?}"),
    }
}

/// Why these bytes are not loaded, by a host that loads others afterwards.
fn refused(component: &[u8]) -> LoadError {
    let host = host();
    let error = host.load(component, &LoadOptions::default()).unwrap_err();
    host.load(&guest::hostile("honest"), &LoadOptions::default()).unwrap();
    error
}
