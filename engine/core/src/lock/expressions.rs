//! The policies' expressions, in CEL. Each has an answer for every object: a policy whose expression fails refuses, and with the
//! wrong words.
//!
//! Conditions come first and know no variables; a request that one of them says no to passes, unnoted.

use serde_json::{Value, json};

use super::{BREAK_GLASS, KEY, OWNER, SOURCE};
use crate::{
    config::{DriftScope, LockSpec, Permission},
    options,
    owner::{INSTALLATION, MANAGER_PREFIX},
};

/// Of Kubernetes itself. Nodes and the service accounts of `kube-system` (controllers, the garbage collector, the autoscaler) are told by
/// how their names begin.
const KUBERNETES: [&str; 4] = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:cloud-controller-manager",
];

/// What `kubectl rollout restart` sets in a pod template.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";

/// Of metadata, what means something: the rest is the server's.
const METADATA: [&str; 4] = ["labels", "annotations", "finalizers", "ownerReferences"];

const USER: &str = "request.userInfo.username";

/// Makes the expressions of one lock.
#[derive(Clone, Copy)]
pub(super) struct Words<'a> {
    pub(super) lock: &'a LockSpec,
    pub(super) installation: &'a str,
}

impl Words<'_> {
    pub(super) fn conditions(self) -> Vec<Value> {
        let mut conditions = self.of_who();
        conditions.push(condition("is-of-an-app", &self.is_marked("[oldObject, object]")));
        conditions
    }

    pub(super) fn scale_conditions(self) -> Vec<Value> {
        let mut conditions = self.of_who();
        let autoscalers = accounts(&self.lock.autoscalers);
        if !autoscalers.is_empty() {
            conditions.push(condition(
                "not-an-autoscaler",
                &format!("!({USER} in {})", list(&autoscalers)),
            ));
        }
        conditions
    }

    /// Who passes, whatever the object.
    fn of_who(self) -> Vec<Value> {
        let (extra, key, installation) = ("request.userInfo.extra", quoted(KEY), quoted(self.installation));
        let mut conditions = vec![
            // Nothing comes of it, and comparisons (`kubectl diff`) are made of it.
            condition("not-a-dry-run", "!has(request.dryRun) || !request.dryRun"),
            condition(
                "not-the-engine",
                &format!("!has({extra}) || !({key} in {extra}) || !({installation} in {extra}[{key}])"),
            ),
            condition(
                "not-kubernetes",
                &format!(
                    "!({USER} in {}) && !{USER}.startsWith('system:node:') && !{USER}.startsWith('system:serviceaccount:kube-system:')",
                    list(&KUBERNETES)
                ),
            ),
        ];
        let allow = &self.lock.allow;
        let mut users = allow.users.clone();
        users.extend(accounts(&allow.service_accounts));
        if !users.is_empty() {
            conditions.push(condition(
                "not-an-allowed-user",
                &format!("!({USER} in {})", list(&users)),
            ));
        }
        if !allow.groups.is_empty() {
            conditions.push(condition(
                "not-of-an-allowed-group",
                &format!("!({})", is_in(&allow.groups)),
            ));
        }
        conditions
    }

    /// Whether one of some objects carries a mark that is a claim to it: `INSTALLATION APP KIND.GROUP NAMESPACE/NAME`.
    fn is_marked(self, objects: &str) -> String {
        let mark = format!("o.metadata.annotations[{}]", quoted(OWNER));
        format!(
            "{objects}.exists(o, {} && {mark}.endsWith(' ' + request.kind.kind + (request.kind.group == '' ? '' : '.' + request.kind.group) + ' ' \
             + (has(o.metadata.namespace) && o.metadata.namespace != '' ? o.metadata.namespace + '/' : '') + (has(o.metadata.name) ? o.metadata.name : '')))",
            self.has_mark("o")
        )
    }

    /// Whether an object, which may be null, has a mark of the installation, whatever it claims.
    fn has_mark(self, o: &str) -> String {
        let owner = quoted(OWNER);
        format!(
            "{o} != null && has({o}.metadata.annotations) && {owner} in {o}.metadata.annotations && {o}.metadata.annotations[{owner}].startsWith({})",
            quoted(&format!("{} ", self.installation))
        )
    }

    pub(super) fn variables(self) -> Vec<Value> {
        let marked = format!("[oldObject, object].filter(o, {})", self.has_mark("o"));
        let (owner, source) = (quoted(OWNER), quoted(SOURCE));
        let mut variables = vec![
            // Before the request, where it was marked then: what it says itself may be false.
            variable("annotations", &format!("{marked}[0].metadata.annotations")),
            variable("mark", &format!("variables.annotations[{owner}].split(' ')")),
            variable(
                "source",
                &format!("{source} in variables.annotations ? variables.annotations[{source}] : ''"),
            ),
            self.glass(),
            variable("left", &self.left()),
        ];
        if self.lock.scope == DriftScope::Owned {
            variables.push(variable("adds", &self.adds()));
        }
        if self.lock.rollout_restart == Permission::Allow {
            variables.push(variable("restarts", &restarts()));
        }
        let injectors = accounts(&self.lock.ca_injectors);
        if !injectors.is_empty() {
            variables.push(variable("injects", &injects(&injectors)));
        }
        variables
    }

    pub(super) fn scale_variables(self) -> Vec<Value> {
        vec![self.glass()]
    }

    fn glass(self) -> Value {
        let glass = if self.lock.break_glass.is_empty() {
            "false".to_owned()
        } else {
            is_in(&self.lock.break_glass)
        };
        variable("glass", &glass)
    }

    /// What the API server has noted of the engine's writing.
    fn ours(self, o: &str) -> String {
        let manager = quoted(&format!("{MANAGER_PREFIX}{}/", self.installation));
        format!("{o}.metadata.managedFields.filter(m, has(m.manager) && m.manager.startsWith({manager}))")
    }

    /// Whether git says that the object is only made, and left to others since; and it stays so, and the App's. The annotation counts where
    /// the engine set it.
    fn left(self) -> String {
        let annotations = "metadata.annotations";
        let by_git = format!(
            "{}.exists(m, has(m.fieldsV1) && 'f:metadata' in m.fieldsV1 && 'f:annotations' in m.fieldsV1['f:metadata'] \
             && {} in m.fieldsV1['f:metadata']['f:annotations'])",
            self.ours("oldObject"),
            quoted(&format!("f:{}", options::APPLY)),
        );
        let kept = [OWNER, options::APPLY].map(|key| {
            let key = quoted(key);
            format!("{key} in oldObject.{annotations} && {key} in object.{annotations} && object.{annotations}[{key}] == oldObject.{annotations}[{key}]")
        });
        let label = format!("metadata.labels[{}]", quoted(INSTALLATION));
        format!(
            "has(oldObject.{annotations}) && has(object.{annotations}) && {} && oldObject.{annotations}[{}] == 'create-only' \
             && has(object.metadata.labels) && {installation} in object.metadata.labels && object.{label} == {} \
             && has(oldObject.metadata.managedFields) && {by_git}",
            kept.join(" && "),
            quoted(options::APPLY),
            quoted(self.installation),
            installation = quoted(INSTALLATION),
        )
    }

    /// Whether a service account changes nothing of what git sets: the API server's record of the fields that the engine owns is the same
    /// before and after, and nobody else writes under the engine's name. An owner would have the object collected.
    fn adds(self) -> String {
        let fields = "metadata.managedFields";
        format!(
            "{USER}.startsWith('system:serviceaccount:') && has(oldObject.{fields}) && has(object.{fields}) && {before}.size() > 0 \
             && {before} == {after} && {owners} \
             && !(has(request.options) && request.options != null && has(request.options.fieldManager) && request.options.fieldManager.startsWith({prefix}))",
            before = self.ours("oldObject"),
            after = self.ours("object"),
            owners = same(&["ownerReferences"]),
            prefix = quoted(MANAGER_PREFIX),
        )
    }

    pub(super) fn validation(self) -> Value {
        let mut ways = vec!["variables.left"];
        if self.lock.scope == DriftScope::Owned {
            ways.push("variables.adds");
        }
        if self.lock.rollout_restart == Permission::Allow {
            ways.push("variables.restarts");
        }
        if !self.lock.ca_injectors.is_empty() {
            ways.push("variables.injects");
        }
        let expression = format!(
            "variables.glass || (request.operation == 'UPDATE' && ({}))",
            ways.join(" || ")
        );
        let message = format!(
            "variables.mark[2] + ' ' + variables.mark[3] + ' is kept from git: change it in ' \
             + (variables.source == '' ? 'the repository of App ' + variables.mark[1] : variables.source + ' (App ' + variables.mark[1] + ')') + {}",
            quoted(&self.way_out())
        );
        json!({
            "expression": expression,
            "reason": "Forbidden",
            "message": "the object is kept from git by Windlass",
            "messageExpression": message,
        })
    }

    pub(super) fn scale_validation(self) -> Value {
        let message = format!(
            "'replicas of ' + request.resource.resource + ' ' + request.namespace + '/' + request.name + ' are kept from git, as the namespace is: \
             set them there' + {}",
            quoted(&self.way_out())
        );
        json!({
            "expression": "variables.glass",
            "reason": "Forbidden",
            "message": "replicas are kept from git by Windlass",
            "messageExpression": message,
        })
    }

    fn way_out(self) -> String {
        let groups = &self.lock.break_glass;
        if groups.is_empty() {
            return String::new();
        }
        format!(
            "; in an emergency as a member of {}, which is noted",
            groups.join(" or ")
        )
    }

    pub(super) fn audit_annotation(self) -> Value {
        self.noted("variables.mark[2] + ' ' + variables.mark[3] + ' of App ' + variables.mark[1]")
    }

    pub(super) fn scale_audit_annotation(self) -> Value {
        self.noted("request.resource.resource + ' ' + request.namespace + '/' + request.name + ' scale'")
    }

    /// Nothing is noted where the text is empty.
    fn noted(self, what: &str) -> Value {
        json!({
            "key": BREAK_GLASS,
            "valueExpression": format!("variables.glass ? {USER} + ' ' + request.operation + ' ' + {what} : ''"),
        })
    }
}

/// Whether only what `kubectl rollout restart` sets is another.
fn restarts() -> String {
    let (new, old) = ("object.spec.template.metadata", "oldObject.spec.template.metadata");
    let key = quoted(RESTARTED_AT);
    let has = |o: &str| format!("has({o}.annotations)");
    format!(
        "request.kind.group == 'apps' && request.kind.kind in ['DaemonSet', 'Deployment', 'StatefulSet'] && {metadata} && {spec} \
         && object.spec.template.spec == oldObject.spec.template.spec && object.spec.template.metadata.labels == oldObject.spec.template.metadata.labels \
         && {has_new} && {new}.annotations.all(k, k == {key} || ({has_old} && k in {old}.annotations && {new}.annotations[k] == {old}.annotations[k])) \
         && (!{has_old} || {old}.annotations.all(k, k == {key} || k in {new}.annotations))",
        metadata = same(&METADATA),
        spec = same_but("object.spec", "oldObject.spec", "template"),
        has_new = has(new),
        has_old = has(old),
    )
}

/// Whether a service account of those sets only the authority of an APIService or of a CustomResourceDefinition's webhook.
fn injects(injectors: &[String]) -> String {
    let path = ["spec", "conversion", "webhook", "clientConfig"];
    let at = |root: &str, depth: usize| format!("{root}.{}", path[..=depth].join("."));
    let there: Vec<String> = (1..path.len())
        .flat_map(|depth| ["object", "oldObject"].map(|root| format!("has({})", at(root, depth))))
        .collect();
    let same_above: Vec<String> = (0..path.len())
        .map(|depth| {
            let but = path.get(depth + 1).copied().unwrap_or("caBundle");
            same_but(&at("object", depth), &at("oldObject", depth), but)
        })
        .collect();
    format!(
        "{USER} in {} && {} && ((request.kind.kind == 'APIService' && request.kind.group == 'apiregistration.k8s.io' && {}) \
         || (request.kind.kind == 'CustomResourceDefinition' && request.kind.group == 'apiextensions.k8s.io' && {} && {}))",
        list(injectors),
        same(&METADATA),
        same_but("object.spec", "oldObject.spec", "caBundle"),
        there.join(" && "),
        same_above.join(" && "),
    )
}

/// Whether fields of the metadata are the same before and after.
fn same(fields: &[&str]) -> String {
    let of = |o: &str, field: &str| {
        let path = format!("{o}.metadata.{field}");
        format!("(has({path}) ? {path} : null)")
    };
    let each = fields
        .iter()
        .map(|field| format!("{} == {}", of("object", field), of("oldObject", field)));
    each.collect::<Vec<_>>().join(" && ")
}

/// Whether two maps are the same but for one key.
fn same_but(a: &str, b: &str, key: &str) -> String {
    let key = quoted(key);
    format!("{a}.all(k, k == {key} || (k in {b} && {a}[k] == {b}[k])) && {b}.all(k, k == {key} || k in {a})")
}

fn is_in(groups: &[String]) -> String {
    format!(
        "has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in {})",
        list(groups)
    )
}

/// `namespace/name` as the API server names it.
fn accounts(names: &[String]) -> Vec<String> {
    let user = |name: &String| format!("system:serviceaccount:{}", name.replacen('/', ":", 1));
    names.iter().map(user).collect()
}

fn condition(name: &str, expression: &str) -> Value {
    json!({"name": name, "expression": expression})
}

fn variable(name: &str, expression: &str) -> Value {
    json!({"name": name, "expression": expression})
}

/// JSON's texts are CEL's too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn list<T: AsRef<str>>(texts: &[T]) -> String {
    Value::from_iter(texts.iter().map(AsRef::as_ref)).to_string()
}
