//! `App.spec.dependsOn`: what is to be there, and to be well, before an App is changed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    App, referred,
    schema::{Cel, Filled},
};
use crate::{health::Test, model::ObjectId};

/// Dependencies of an App. Each object is asked for whenever the App waits for it.
pub(crate) const MOST: usize = 20;

/// One thing that an App depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DependsOn {
    /// An App: as git says, and healthy. Of the same repository: at the same revision. `NAME` is of this App's own namespace,
    /// `NAMESPACE/NAME` of another, where a Tenant grants it.
    #[serde(default)]
    pub app: Option<String>,
    /// An object on the App's own cluster, whoever's it is; read as the App's service account.
    #[serde(default)]
    pub object: Option<Needed>,
    /// With `object`: an expression in CEL over it, `live`. Default: it is healthy, or, of a kind without a status, it is there.
    #[serde(default)]
    #[schemars(with = "Option<Cel>")]
    pub when: Option<Test>,
}

/// An object by its identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Needed {
    /// API group of the object. Absent = the core group.
    #[serde(default)]
    pub group: String,
    /// Kind of the object.
    #[schemars(with = "Filled")]
    pub kind: String,
    /// Namespace of the object. Absent = that of the App's target; of a kind without namespaces, none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Name of the object.
    #[schemars(with = "Filled")]
    pub name: String,
}

impl Needed {
    /// `namespace`: that of the App's target.
    #[must_use]
    pub fn id(&self, namespace: &str) -> ObjectId {
        ObjectId {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone().unwrap_or_else(|| namespace.to_owned()),
            name: self.name.clone(),
        }
    }
}

/// Of a dependency, for people.
pub(crate) const ONE_OF: &str = "give `app` or `object`";

/// Of a dependency, for people.
pub(crate) const WHEN_OF_AN_OBJECT: &str = "`when` is about an `object`; an App is to be healthy";

/// What contradicts itself: where (a JSON pointer) and a sentence.
pub(super) fn check(all: &[DependsOn]) -> Result<(), (String, String)> {
    if all.len() > MOST {
        let message = format!("spec.dependsOn has {} dependencies, {MOST} are allowed", all.len());
        return Err((format!("/spec/dependsOn/{MOST}"), message));
    }
    for (index, one) in all.iter().enumerate() {
        let wrong = match (&one.app, &one.object, &one.when) {
            (Some(_), Some(_), _) | (None, None, _) => ONE_OF,
            (Some(_), None, Some(_)) => WHEN_OF_AN_OBJECT,
            (None, Some(needed), _) if needed.kind.is_empty() || needed.name.is_empty() => {
                "`object` needs a `kind` and a `name`"
            }
            _ => continue,
        };
        return Err((
            format!("/spec/dependsOn/{index}"),
            format!("spec.dependsOn[{index}]: {wrong}"),
        ));
    }
    Ok(())
}

/// Which of an App's dependencies leads nowhere: a pointer, a sentence and advice. Either there is no such App, or it depends on this
/// one in turn.
pub(super) fn dangling(app: &App, apps: &BTreeMap<String, App>) -> Option<(String, String, String)> {
    for (index, one) in app.spec.depends_on.iter().enumerate() {
        let Some(name) = &one.app else { continue };
        let name = &referred(name, &app.namespace);
        let pointer = format!("/spec/dependsOn/{index}/app");
        if !apps.contains_key(name) {
            let message = format!("spec.dependsOn[{index}].app: there is no App `{name}`");
            let known: Vec<&str> = apps.keys().map(String::as_str).take(10).collect();
            return Some((pointer, message, format!("Apps are: {}", known.join(", "))));
        }
        if let Some(way) = way_back(name, app.id(), apps) {
            let way: Vec<String> = way.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "spec.dependsOn[{index}].app: `{}` depends on {}: each would wait for the other",
                app.id(),
                way.join(", which depends on ")
            );
            return Some((pointer, message, "take one of them out".to_owned()));
        }
    }
    None
}

/// The Apps from `from` to `to` along their dependencies.
fn way_back(from: &str, to: &str, apps: &BTreeMap<String, App>) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<String, String> = BTreeMap::new();
    let mut next = vec![from.to_owned()];
    while let Some(at) = next.pop() {
        if at == to {
            let mut way = vec![at.clone()];
            let mut at = &at;
            while at != from {
                at = came_from.get(at)?;
                way.push(at.clone());
            }
            way.reverse();
            return Some(way);
        }
        for name in apps.get(&at).into_iter().flat_map(App::needed_apps) {
            if name != from && !came_from.contains_key(&name) {
                came_from.insert(name.clone(), at.clone());
                next.push(name);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::config::load;

    fn mistakes(specs: &[(&str, &str)]) -> Vec<String> {
        let mut text =
            "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec: {git: {url: /r}}\n"
                .to_owned();
        for (name, depends) in specs {
            text.push_str(&format!(
                "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\nspec: {{repository: r, dependsOn: {depends}}}\n"
            ));
        }
        match load(&text) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|error| error.message).collect(),
        }
    }

    #[test]
    fn a_chain_is_fine_and_a_cycle_is_named() {
        let chain = [("a", "[{app: b}]"), ("b", "[{app: c}]"), ("c", "[]")];
        assert_eq!(mistakes(&chain), Vec::<String>::new());
        let cycle = [
            ("a", "[{app: b}]"),
            ("b", "[{app: c}]"),
            ("c", "[{app: a}]"),
            ("d", "[{app: a}]"),
        ];
        let said = mistakes(&cycle);
        assert_eq!(
            said[0],
            "App `a`: spec.dependsOn[0].app: `a` depends on `b`, which depends on `c`, which depends on `a`: each would wait for the other"
        );
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(mistakes(&[("a", "[{app: a}]")])[0].contains("`a` depends on `a`"));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (depends, expected) in [
            ("[{}]", "give `app` or `object`"),
            ("[{app: x, object: {kind: Pod, name: p}}]", "give `app` or `object`"),
            ("[{app: x, when: 'true'}]", "an App is to be healthy"),
            ("[{object: {kind: Pod, name: ''}}]", "needs a `kind` and a `name`"),
            ("[{app: nobody}]", "there is no App `nobody`"),
            ("[{object: {kind: Pod, name: p}, when: 'live.'}]", "expression"),
        ] {
            let said = mistakes(&[("a", depends)]);
            assert!(
                said.first().is_some_and(|said| said.contains(expected)),
                "{depends}: {said:?}"
            );
        }
    }
}
