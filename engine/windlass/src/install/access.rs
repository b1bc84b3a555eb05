//! Who may do what: the controller's own rights, in three roles that can be bound otherwise, and what people of a namespace get.
//!
//! What is done to objects of Apps is done as service accounts of their namespaces, with the rights of these. The controller itself
//! observes, says how its kinds are, and impersonates. Two things that RBAC can't tell apart make it a trusted part all the same:
//! - who may `list` Secrets sees their values, though the engine asks for metadata only;
//! - who may impersonate service accounts anywhere may do what the mightiest of them may. A cluster where that is too much binds
//!   `windlass-impersonator` in the namespaces of Apps only, by RoleBindings.
//!
//! No `get` of every kind: it would be one of `nodes/proxy` and `pods/exec` as well. No right to impersonate groups: RBAC has none that
//! ends at those of service accounts, and the API server adds them itself.

use serde_json::{Value, json};
use windlass_core::{crds, lock};

use super::{NAME, Options, described, labels, metadata, namespaced};

const RBAC: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

/// Names of the controller's ClusterRoles, and of their bindings.
const CONTROLLER: &str = "windlass-controller";
const OBSERVER: &str = "windlass-observer";
const IMPERSONATOR: &str = "windlass-impersonator";
/// Of people.
const VIEW: &str = "windlass-view";
const EDIT: &str = "windlass-edit";
/// Of the controller in its own namespace.
const LEADER: &str = "windlass-leader";

/// The kinds that the controller reads.
const READ: [&str; 5] = ["repositories", "apps", "plugins", "tenants", "clusters"];
/// What the controller keeps of Apps: who sees these sees their names, hashes and histories, and never what they hold.
const INVENTORIES: &str = "inventories";
/// The kinds of teams.
const OF_TEAMS: [&str; 2] = ["repositories", "apps"];

pub(super) fn objects(options: &Options) -> Vec<Value> {
    let mut objects = vec![account(options)];
    objects.extend([
        role(options, CONTROLLER, "What the Windlass controller does in its own name.", &own_rules()),
        role(
            options,
            OBSERVER,
            "What the Windlass controller sees: the objects that carry the label of its installation, of any kind. RBAC knows no labels, \
             and whoever may list Secrets may see their values; the controller asks for their metadata only.",
            &[json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"]})],
        ),
        role(
            options,
            IMPERSONATOR,
            "In whose name the Windlass controller acts: the service account that an App names, of the App's own namespace. Instead of \
             everywhere it may be bound by a RoleBinding in each namespace that has Apps; the rule for userextras then needs a \
             ClusterRoleBinding of its own where lock mode is used.",
            &impersonation(),
        ),
    ]);
    for name in [CONTROLLER, OBSERVER, IMPERSONATOR] {
        objects.push(binding(options, "ClusterRoleBinding", name, "ClusterRole", name));
    }
    objects.push(leader(options));
    objects.push(binding(options, "RoleBinding", LEADER, "Role", LEADER));
    let view = ["get", "list", "watch"];
    objects.push(for_people(
        options,
        VIEW,
        "view",
        &[("repositories", &view), ("apps", &view), (INVENTORIES, &view)],
    ));
    let edit = ["create", "delete", "deletecollection", "patch", "update"];
    objects.push(for_people(
        options,
        EDIT,
        "edit",
        &OF_TEAMS.map(|kind| (kind, edit.as_slice())),
    ));
    objects
}

fn account(options: &Options) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": namespaced(options, NAME),
        // Only the controller's pod gets the token.
        "automountServiceAccountToken": false,
    })
}

fn own_rules() -> Vec<Value> {
    let statuses: Vec<String> = READ.iter().map(|kind| format!("{kind}/status")).collect();
    let observe = ["get", "list", "watch"];
    vec![
        json!({"apiGroups": [crds::GROUP], "resources": READ, "verbs": observe}),
        json!({"apiGroups": [crds::GROUP], "resources": statuses, "verbs": ["patch"]}),
        json!({"apiGroups": [crds::GROUP], "resources": [INVENTORIES], "verbs": ["get", "list", "watch", "create", "update", "patch", "delete"]}),
        // Its finalizer: RBAC knows no fields.
        json!({"apiGroups": [crds::GROUP], "resources": ["apps"], "verbs": ["patch"]}),
        json!({"apiGroups": [""], "resources": ["namespaces"], "verbs": observe}),
        // Those that documents name, in whatever namespace these are.
        json!({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}),
        json!({"apiGroups": [""], "resources": ["events"], "verbs": ["create"]}),
    ]
}

fn impersonation() -> [Value; 2] {
    [
        json!({"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["impersonate"]}),
        // What tells the engine from a tenant in lock mode. The name of the installation is not known before it starts.
        json!({"apiGroups": [lock::KEY_GROUP], "resources": [format!("{}/{}", lock::KEY_RESOURCE, lock::KEY)], "verbs": ["impersonate"]}),
    ]
}

fn role(options: &Options, name: &str, about: &str, rules: &[Value]) -> Value {
    let role =
        json!({"apiVersion": VERSION, "kind": "ClusterRole", "metadata": metadata(options, name), "rules": rules});
    described(role, about)
}

/// `create` knows no names.
fn leader(options: &Options) -> Value {
    json!({
        "apiVersion": VERSION,
        "kind": "Role",
        "metadata": namespaced(options, LEADER),
        "rules": [
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list", "watch", "create", "update", "delete"]},
            // The installation's own, once.
            {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]},
        ],
    })
}

fn binding(options: &Options, kind: &str, name: &str, role_kind: &str, role: &str) -> Value {
    let metadata = match kind {
        "RoleBinding" => namespaced(options, name),
        _ => metadata(options, name),
    };
    json!({
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": options.namespace}],
    })
}

/// A part of Kubernetes' own role of that name, and so of those that include it. Who may `edit` a namespace may act as its service accounts
/// anyway, so an App gives nobody more. Plugins, Tenants, Clusters and Inventories are the operator's.
fn for_people(options: &Options, name: &str, part_of: &str, may: &[(&str, &[&str])]) -> Value {
    let mut metadata = json!({"name": name, "labels": labels(options)});
    metadata["labels"][format!("{RBAC}/aggregate-to-{part_of}")] = json!("true");
    let rule =
        |(kind, verbs): &(&str, &[&str])| json!({"apiGroups": [crds::GROUP], "resources": [kind], "verbs": verbs});
    let rules: Vec<Value> = may.iter().map(rule).collect();
    json!({
        "apiVersion": VERSION,
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules,
    })
}
