//! What types can't say, as rules in CEL: the same that CONFIG's checks refuse, in the same words.
//!
//! An API server bounds what a rule may cost by the largest value that it could look at, so that lists and texts below a rule have a
//! most. What only the engine can tell (patterns, schedules, expressions, other objects) it tells in the object's status.

use serde_json::{Value, json};

use crate::{
    config::{
        IN_CLUSTER, MOST_BINDINGS, NAME_WORDS, app, cluster, depends, notify, plugin, repository, secret, sync, tenant,
    },
    oci,
};

/// What is added to the schema of a field.
struct Addition {
    /// `spec.ignore[].fields[]`; "" = the object itself.
    field: &'static str,
    what: What,
}

enum What {
    /// Holds for every value; else the API server says these words.
    Rule { rule: String, words: String },
    /// No value is taken: a rule says why.
    Never,
    /// Most items of a list.
    Items(usize),
    /// Most characters of a text.
    Length(usize),
}

/// Items of a list that rules look at, where CONFIG has no bound: nobody writes as many.
const MANY: usize = 100;

/// Characters of a name of anything.
const NAME: usize = 253;

/// Characters of a URL.
const URL: usize = 2048;

/// Characters of a path in a file system.
const PATH: usize = 4096;

/// Characters of a field's path in an object.
const FIELD: usize = 512;

/// Fields of one ignore rule: with [`MANY`] rules of them, what is asked of each still has a cost that an API server takes.
const FIELDS: usize = 50;

/// Characters of a sentence or of a user's name.
const TEXT: usize = 1024;

/// Adds what concerns a kind to its schema.
pub(super) fn add(kind: &str, schema: &mut Value) {
    for Addition { field, what } in additions(kind) {
        let Some(node) = find(schema, field) else { continue };
        match what {
            What::Items(most) => node["maxItems"] = json!(most),
            What::Length(most) => node["maxLength"] = json!(most),
            What::Rule { rule, words } => {
                let rule = json!({"rule": rule, "message": words});
                match node.get_mut(RULES).and_then(Value::as_array_mut) {
                    Some(rules) => rules.push(rule),
                    None => node[RULES] = json!([rule]),
                }
            }
            What::Never => {
                let about = node["description"].as_str().unwrap_or_default();
                node["description"] = json!(format!("{about} Not in a cluster."));
            }
        }
    }
}

const RULES: &str = "x-kubernetes-validations";

/// The schema of a field, by its path.
fn find<'s>(schema: &'s mut Value, field: &str) -> Option<&'s mut Value> {
    field
        .split('.')
        .filter(|step| !step.is_empty())
        .try_fold(schema, |node, step| {
            let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
            let node = node.get_mut("properties")?.get_mut(name)?;
            if is_list { node.get_mut("items") } else { Some(node) }
        })
}

fn rule(field: &'static str, rule: &str, words: &str) -> Addition {
    Addition {
        field,
        what: What::Rule {
            rule: rule.to_owned(),
            words: words.to_owned(),
        },
    }
}

const fn items(field: &'static str, most: usize) -> Addition {
    Addition {
        field,
        what: What::Items(most),
    }
}

const fn length(field: &'static str, most: usize) -> Addition {
    Addition {
        field,
        what: What::Length(most),
    }
}

/// It may name a file of the engine's own machine, and must not. `condition`: it is no such name.
fn no_file(field: &'static str, condition: &str, instead: &str) -> Addition {
    rule(field, condition, &format!("{}: {instead}", secret::NO_FILES))
}

const fn never(field: &'static str) -> Addition {
    Addition {
        field,
        what: What::Never,
    }
}

fn additions(kind: &str) -> Vec<Addition> {
    match kind {
        "Repository" => repository_rules(),
        "App" => app_rules(),
        "Plugin" => plugin_rules(),
        "Tenant" => tenant_rules(),
        "Cluster" => cluster_rules(),
        _ => Vec::new(),
    }
}

const UNIQUE_NAMES: &str = "self.all(one, self.exists_one(other, other.name == one.name))";
const BINDING: &str = "(has(self.__as__) ? self.__as__ : self.name).matches('^[a-z0-9.-]+$')";
const UNIQUE_BINDINGS: &str = "self.all(one, self.exists_one(other, (has(other.__as__) ? other.__as__ : other.name) == \
                               (has(one.__as__) ? one.__as__ : one.name)))";

fn repository_rules() -> Vec<Addition> {
    let auth = repository::NAME_A_SECRET;
    let mut rules = vec![
        length("spec.git.url", URL),
        no_file(
            "spec.git.url",
            "self.matches('^(https?|ssh)://') || (!self.contains('://') && self.matches('^[^/:]*@[^/:]*:'))",
            repository::REMOTE,
        ),
        rule(
            "spec.git.ref",
            "[has(self.branch), has(self.tag), has(self.semver), has(self.commit)].filter(given, given).size() <= 1",
            repository::ONE_REF,
        ),
        rule(
            "spec.git",
            "!has(self.onForcedPush) || self.onForcedPush != 'Hold' || !has(self.ref) || \
             !(has(self.ref.tag) || has(self.ref.semver) || has(self.ref.commit))",
            repository::HOLD_A_BRANCH,
        ),
        no_file("spec.git.caFile", "false", auth),
        never("spec.git.caFile"),
        rule("spec.auth", "has(self.secretRef) && !has(self.username)", auth),
        rule("spec.proxy", "!has(self.username)", auth),
        rule("spec.verify", "has(self.secretRef)", repository::NAME_A_SECRET_OF_KEYS),
        items("spec.verify.keyFiles", repository::MAX_KEY_FILES),
        no_file(
            "spec.verify.keyFiles",
            "self.size() == 0",
            repository::NAME_A_SECRET_OF_KEYS,
        ),
        never("spec.verify.keyFiles"),
        rule(
            "spec",
            "!has(self.verify) || !has(self.verify.mode) || self.verify.mode == 'HEAD' || has(self.git.ref) && \
             (has(self.git.ref.tag) || has(self.git.ref.semver))",
            repository::VERIFY_A_TAG,
        ),
        no_file("spec.proxy.passwordFile", "false", auth),
        never("spec.proxy.passwordFile"),
        items("spec.plugins.renderers", MANY),
        length("spec.plugins.renderers[].name", NAME),
        rule("spec.plugins.renderers", UNIQUE_NAMES, repository::TWICE),
        items("spec.plugins.validators", MANY),
        length("spec.plugins.validators[].name", NAME),
        rule("spec.plugins.validators", UNIQUE_NAMES, repository::TWICE),
        items("spec.plugins.notify", MOST_BINDINGS),
        length("spec.plugins.notify[].name", NAME),
        length("spec.plugins.notify[].as", NAME),
        rule("spec.plugins.notify", UNIQUE_BINDINGS, notify::ANOTHER_NAME),
        rule("spec.plugins.notify[]", BINDING, NAME_WORDS),
        no_file(
            "spec.plugins.notify[].secretFiles",
            "self.size() == 0",
            notify::NAME_A_SECRET,
        ),
        never("spec.plugins.notify[].secretFiles"),
    ];
    let files = [
        "spec.auth.passwordFile",
        "spec.auth.tokenFile",
        "spec.auth.sshKeyFile",
        "spec.auth.knownHostsFile",
        "spec.auth.clientCertificateFile",
        "spec.auth.clientKeyFile",
    ];
    rules.extend(
        files
            .into_iter()
            .flat_map(|field| [no_file(field, "false", auth), never(field)]),
    );
    rules
}

fn app_rules() -> Vec<Addition> {
    let identity: Vec<String> = app::IDENTITY
        .iter()
        .flat_map(|pointer| [format!("'{pointer}'"), format!("'{}'", pointer.replace('/', "."))])
        .collect();
    vec![
        length("spec.path", PATH),
        rule(
            "spec.path",
            r"!self.matches('(^|/)\\.{1,2}(/|$)') && !self.matches('(^|/)/+[^/]')",
            app::INSIDE,
        ),
        items("spec.render", MANY),
        rule("spec.render", "self.size() <= 1", app::ONE_STEP),
        rule(
            "spec.target",
            "!(has(self.directory) && has(self.cluster))",
            app::ONE_PLACE,
        ),
        no_file("spec.target.directory", "false", "name a `cluster`"),
        never("spec.target.directory"),
        items("spec.conflicts.takeFrom", MANY),
        length("spec.conflicts.takeFrom[]", NAME),
        rule("spec.conflicts.takeFrom[]", "self != ''", app::NO_MANAGER),
        rule(
            "spec.conflicts.takeFrom[]",
            &format!("!self.startsWith('{}')", crate::owner::MANAGER_PREFIX),
            app::OWN_MANAGER,
        ),
        items("spec.dependsOn", depends::MOST),
        rule("spec.dependsOn[]", "has(self.app) != has(self.object)", depends::ONE_OF),
        rule(
            "spec.dependsOn[]",
            "!has(self.when) || has(self.object)",
            depends::WHEN_OF_AN_OBJECT,
        ),
        items("spec.ignore", MANY),
        rule(
            "spec.ignore",
            &format!("self.filter(one, has(one.when)).size() <= {}", app::MAX_CONDITIONS),
            &format!("has more than {} rules with `when`", app::MAX_CONDITIONS),
        ),
        items("spec.ignore[].fields", FIELDS),
        length("spec.ignore[].fields[]", FIELD),
        rule("spec.ignore[].fields", "self.size() > 0", app::NO_FIELDS),
        rule(
            "spec.ignore[].fields[]",
            "self.startsWith('/') || self.startsWith('.')",
            app::NO_POINTER,
        ),
        rule(
            "spec.ignore[].fields[]",
            &format!("!(self in [{}])", identity.join(", ")),
            app::IS_IDENTITY,
        ),
        items("spec.health.checks", app::MAX_CHECKS),
        items("spec.sync.windows", sync::MAX_WINDOWS),
        length("spec.suspend.reason", TEXT),
        rule("spec.suspend.reason", "self.trim() != ''", sync::NO_REASON),
    ]
}

fn plugin_rules() -> Vec<Addition> {
    let place = "self.matches('^([A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$')";
    let words = "is neither a host name nor a network: write for example `hooks.internal` or `10.0.0.0/8`";
    vec![
        items("spec.versions", MANY),
        length("spec.versions[].version", NAME),
        rule("spec.versions[]", "has(self.file) != has(self.oci)", plugin::ONE_PLACE),
        rule(
            "spec.versions",
            "self.all(one, self.exists_one(other, other.version == one.version))",
            plugin::VERSION_TWICE,
        ),
        length("spec.versions[].oci", URL),
        rule("spec.versions[].oci", oci::PATTERN_RULE, oci::WORDS),
        rule(
            "spec.registry",
            "!(has(self.authFile) && has(self.pullSecret))",
            plugin::ONE_LOGIN,
        ),
        items("spec.http.private", MANY),
        length("spec.http.private[]", NAME),
        rule("spec.http.private[]", place, words),
        items("spec.http.plain", MANY),
        length("spec.http.plain[]", NAME),
        rule("spec.http.plain[]", place, words),
    ]
}

fn tenant_rules() -> Vec<Addition> {
    vec![
        rule(
            "spec.namespaces",
            "has(self.names) && self.names.size() > 0 || has(self.matchLabels) && self.matchLabels.size() > 0",
            tenant::NO_NAMESPACE,
        ),
        items("spec.required.validators", MANY),
        length("spec.required.validators[].name", NAME),
        rule("spec.required.validators", UNIQUE_NAMES, repository::TWICE),
        items("spec.required.notify", MOST_BINDINGS),
        length("spec.required.notify[].name", NAME),
        length("spec.required.notify[].as", NAME),
        rule("spec.required.notify", UNIQUE_BINDINGS, notify::ANOTHER_NAME),
        rule("spec.required.notify[]", BINDING, NAME_WORDS),
    ]
}

fn cluster_rules() -> Vec<Addition> {
    let everybody: Vec<String> = cluster::EVERYBODY.iter().map(|group| format!("'{group}'")).collect();
    let is_one_of_all = format!("!(self in [{}])", everybody.join(", "));
    let mut rules = vec![
        rule("", &format!("self.metadata.name != '{IN_CLUSTER}'"), cluster::TAKEN),
        rule(
            "spec.kubeconfig",
            "!has(self.file) || !has(self.secretRef)",
            cluster::FILE_OR_SECRET,
        ),
        items("spec.lock.allow.users", MANY),
        length("spec.lock.allow.users[]", TEXT),
        rule("spec.lock.allow.users[]", "self != ''", cluster::NO_USER),
    ];
    for (list, one) in [
        ("spec.lock.allow.serviceAccounts", "spec.lock.allow.serviceAccounts[]"),
        ("spec.lock.autoscalers", "spec.lock.autoscalers[]"),
        ("spec.lock.caInjectors", "spec.lock.caInjectors[]"),
    ] {
        let is_account = "self.matches('^[a-z0-9.-]{1,253}/[a-z0-9.-]{1,253}$')";
        rules.extend([
            items(list, MANY),
            length(one, TEXT),
            rule(one, is_account, cluster::NO_ACCOUNT),
        ]);
    }
    for (list, one) in [
        ("spec.lock.allow.groups", "spec.lock.allow.groups[]"),
        ("spec.lock.breakGlass", "spec.lock.breakGlass[]"),
    ] {
        rules.extend([
            items(list, MANY),
            length(one, TEXT),
            rule(one, "self != ''", cluster::NO_GROUP),
            rule(one, &is_one_of_all, cluster::HAS_EVERYBODY),
        ]);
    }
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crds::{KINDS, definition};

    #[test]
    fn every_rule_finds_its_field() {
        for kind in &KINDS {
            let mut definition = definition(kind);
            let schema = &mut definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            for Addition { field, .. } in additions(kind.kind) {
                assert!(find(schema, field).is_some(), "{}: {field}", kind.kind);
            }
        }
    }
}
