//! Every object of a kind, whole, as it comes, changes and goes: the engine's own kinds, which it goes by.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;
use tokio::task::AbortHandle;
use windlass_core::model::ObjectId;

use crate::{
    call::CallError,
    cluster::Cluster,
    delete::text,
    resource::Resource,
    watch::{self, Sink, Spec},
};

/// A kind is followed until this is dropped.
#[derive(Debug)]
pub struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What is told of a kind's objects, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// One is there, in this form.
    Seen(Box<Value>),
    /// One isn't there any more.
    Gone {
        /// "" where the kind has none.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// All that are there were told of. Told again after a connection that was lost for long.
    Complete,
    /// They can't be watched, in words. It is tried again, rarer and rarer, up to every half minute.
    Lost(String),
}

/// How much of each object is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Everything.
    Whole,
    /// `metadata` alone.
    Metadata,
}

/// Some of the objects of a kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// Of one namespace; "" for all.
    pub namespace: &'a str,
    /// With these labels; "" for any.
    pub selector: &'a str,
}

impl Cluster {
    /// Calls `told` for every object of a kind, in all namespaces, with the connection's own credential.
    #[must_use]
    pub fn follow(&self, resource: &Resource, depth: Depth, told: impl FnMut(Told) + Send + 'static) -> Following {
        self.follow_some(resource, Part::default(), depth, told)
    }

    /// The same, of a part of them.
    #[must_use]
    pub fn follow_some(
        &self,
        resource: &Resource,
        part: Part<'_>,
        depth: Depth,
        told: impl FnMut(Told) + Send + 'static,
    ) -> Following {
        let spec = Spec {
            resource: Arc::new(resource.clone()),
            namespace: part.namespace.to_owned(),
            selector: part.selector.to_owned(),
            field: String::new(),
            metadata: depth == Depth::Metadata,
        };
        self.tell(spec, told)
    }

    /// The same of one object.
    #[must_use]
    pub fn follow_one(&self, resource: &Resource, id: &ObjectId, told: impl FnMut(Told) + Send + 'static) -> Following {
        let spec = Spec {
            resource: Arc::new(resource.clone()),
            namespace: id.namespace.clone(),
            selector: String::new(),
            field: format!("metadata.name={}", id.name),
            metadata: false,
        };
        self.tell(spec, told)
    }

    fn tell(&self, spec: Spec, told: impl FnMut(Told) + Send + 'static) -> Following {
        let teller = Teller {
            told,
            known: BTreeSet::new(),
            listed: None,
        };
        let watching = watch::run(self.connection().clone(), spec, teller);
        Following(tokio::spawn(watching).abort_handle())
    }
}

type Name = (String, String);

struct Teller<F> {
    told: F,
    /// That were told of.
    known: BTreeSet<Name>,
    /// While a list is read: those in it.
    listed: Option<BTreeSet<Name>>,
}

fn name(object: &Value) -> Name {
    let part = |at| text(object, at).to_owned();
    (part("/metadata/namespace"), part("/metadata/name"))
}

impl<F: FnMut(Told) + Send> Teller<F> {
    fn tell_gone(&mut self, (namespace, name): Name) {
        (self.told)(Told::Gone { namespace, name });
    }
}

impl<F: FnMut(Told) + Send> Sink for Teller<F> {
    fn listing(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    fn seen(&mut self, object: &Value) {
        let name = name(object);
        if let Some(listed) = &mut self.listed {
            listed.insert(name.clone());
        }
        self.known.insert(name);
        (self.told)(Told::Seen(Box::new(object.clone())));
    }

    fn gone(&mut self, object: &Value) {
        let name = name(object);
        if let Some(listed) = &mut self.listed {
            listed.remove(&name);
        }
        if self.known.remove(&name) {
            self.tell_gone(name);
        }
    }

    fn listed(&mut self) {
        if let Some(listed) = self.listed.take() {
            let before = std::mem::replace(&mut self.known, listed);
            let gone: Vec<Name> = before.difference(&self.known).cloned().collect();
            for name in gone {
                self.tell_gone(name);
            }
        }
        (self.told)(Told::Complete);
    }

    fn following(&mut self) {}

    fn lost(&mut self, error: &CallError) {
        (self.told)(Told::Lost(error.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_list_does_not_have_is_gone() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&told);
        let mut teller = Teller {
            told: move |what| {
                all.lock().unwrap().push(match what {
                    Told::Seen(object) => format!("seen {}", object["metadata"]["name"]),
                    Told::Gone { namespace, name } => format!("gone {namespace}/{name}"),
                    Told::Complete => "complete".to_owned(),
                    Told::Lost(why) => why,
                });
            },
            known: BTreeSet::new(),
            listed: None,
        };
        let object = |name: &str| json!({"metadata": {"namespace": "n", "name": name}});
        teller.listing();
        teller.seen(&object("a"));
        teller.seen(&object("b"));
        teller.listed();
        teller.gone(&object("b"));
        teller.gone(&object("b"));
        teller.seen(&object("c"));
        // The list is read anew: one came meanwhile, one went.
        teller.listing();
        teller.seen(&object("c"));
        teller.seen(&object("d"));
        teller.listed();
        assert_eq!(
            *told.lock().unwrap(),
            [
                "seen \"a\"",
                "seen \"b\"",
                "complete",
                "gone n/b",
                "seen \"c\"",
                "seen \"c\"",
                "seen \"d\"",
                "gone n/a",
                "complete"
            ]
        );
    }
}
