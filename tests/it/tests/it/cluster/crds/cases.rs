//! Documents that both take, and such that both refuse.

use std::{fs, path::Path};

use serde_json::{Value, json};
use windlass_core::{config::API_VERSION, yaml};

/// A mistake in a document.
pub(super) struct Bad {
    kind: &'static str,
    name: &'static str,
    spec: String,
    /// What `config::read` says.
    pub(super) reader: &'static str,
    /// What the API server says.
    pub(super) server: &'static str,
}

impl Bad {
    pub(super) fn document(&self) -> Value {
        document(self.kind, self.name, &self.spec)
    }
}

fn document(kind: &str, name: &str, spec: &str) -> Value {
    let spec = yaml::parse(spec).unwrap().remove(0).value;
    json!({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Both in the same words.
fn bad(kind: &'static str, spec: &str, words: &'static str) -> Bad {
    told(kind, spec, words, words)
}

/// What the types say, each in the words of who reads them.
fn told(kind: &'static str, spec: &str, reader: &'static str, server: &'static str) -> Bad {
    Bad {
        kind,
        name: "a",
        spec: spec.to_owned(),
        reader,
        server,
    }
}

const SECRET: &str = "put the credentials into a Secret of the same namespace and name that (`secretRef`), alone";
const KEYS: &str = "put the public keys into a Secret of the same namespace and name that (`secretRef`)";
const FILE: &str = "names a file of the engine's own machine, which an object in a cluster may not";
const INTERVAL: &str = "write a whole number and a unit, such as `30s`, `5m` or `1h`, from 1s to 24h";
const NAME: &str = "use lower-case letters, digits, `-` and `.`";

pub(super) fn bad_all() -> Vec<Bad> {
    [repositories(), apps(), others()].into_iter().flatten().collect()
}

fn repositories() -> Vec<Bad> {
    let repository = |more: &str, words| {
        bad(
            "Repository",
            &format!("{{git: {{url: 'https://git.test/r.git'}}, {more}}}"),
            words,
        )
    };
    let git = |git: &str, words| bad("Repository", &format!("{{git: {{{git}}}}}"), words);
    let url = "url: 'https://git.test/r.git'";
    let many: Vec<String> = (0..21)
        .map(|number| format!("{{name: webhook, as: n{number}}}"))
        .collect();
    vec![
        told("Repository", "{}", "missing field `git`", "spec.git: Required value"),
        told(
            "Repository",
            "{git: {}}",
            "missing field `url`",
            "spec.git.url: Required value",
        ),
        told(
            "Repository",
            "{git: {url: 'https://x', uri: y}}",
            "unknown field `uri`",
            "unknown field \\\"spec.git.uri\\\"",
        ),
        told(
            "Repository",
            "{git: {url: [x]}}",
            "spec.git.url: invalid type",
            "spec.git.url in body must be of type string",
        ),
        git(
            &format!("{url}, ref: {{branch: main, tag: v1}}"),
            "give one of `branch`, `tag`, `semver` and `commit`",
        ),
        git(
            &format!("{url}, ref: {{tag: v1}}, onForcedPush: Hold"),
            "`Hold` is about branches",
        ),
        git("url: 'file:///srv/r'", FILE),
        git("url: ../r", FILE),
        git("url: '/a@b:c'", FILE),
        git("url: 'ext::sh -c x@y:z'", FILE),
        git(&format!("{url}, caFile: ca.pem"), FILE),
        repository("auth: {}", SECRET),
        repository("auth: {username: a}", SECRET),
        repository("auth: {secretRef: {name: s}, username: a}", SECRET),
        repository("auth: {tokenFile: /var/run/secrets/token}", FILE),
        repository("auth: {username: a, passwordFile: p}", FILE),
        repository("auth: {sshKeyFile: k, knownHostsFile: h}", FILE),
        repository("auth: {clientCertificateFile: c, clientKeyFile: k}", FILE),
        repository("proxy: {url: 'http://p:1', username: a}", SECRET),
        repository("proxy: {url: 'http://p:1', username: a, passwordFile: p}", FILE),
        repository("proxy: {url: 'http://p:1', username: a, secretRef: {name: s}}", SECRET),
        repository("verify: {}", KEYS),
        repository("verify: {keyFiles: [/etc/keys]}", FILE),
        repository(
            "verify: {secretRef: {name: k}, mode: Tag}",
            "`Tag` and `TagAndHEAD` are about annotated tags",
        ),
        git(
            &format!("{url}, ref: {{branch: v1}}}}, verify: {{secretRef: {{name: k}}, mode: TagAndHEAD"),
            "`Tag` and `TagAndHEAD` are about annotated tags",
        ),
        repository("interval: 30x", INTERVAL),
        repository("interval: '30'", INTERVAL),
        repository("interval: 0s", INTERVAL),
        repository("interval: 25h", INTERVAL),
        repository("interval: 1h30m", INTERVAL),
        repository("interval: +5m", INTERVAL),
        repository(
            "maxSize: '12'",
            "write a whole number and a unit, such as `500Mi` or `4Gi`",
        ),
        repository(
            "maxSize: 0Gi",
            "write a whole number and a unit, such as `500Mi` or `4Gi`",
        ),
        repository(
            "plugins: {validators: [{name: a}, {name: b}, {name: a}]}",
            "stands there twice",
        ),
        repository(
            "plugins: {renderers: [{name: a}, {name: a, version: '1'}]}",
            "stands there twice",
        ),
        repository(
            "plugins: {notify: [{name: a}, {name: b, as: a}]}",
            "give one of them another name (`as`)",
        ),
        repository("plugins: {notify: [{name: a, as: 'A b'}]}", NAME),
        repository("plugins: {notify: [{name: a, secretFiles: {key: /token}}]}", FILE),
        told(
            "Repository",
            &format!("{{git: {{{url}}}, plugins: {{notify: [{}]}}}}", many.join(", ")),
            "at most 20 are told",
            "must have at most 20 items",
        ),
        told(
            "Repository",
            &format!("{{git: {{{url}}}, plugins: {{notify: [{{name: a, on: [sometimes]}}]}}}}"),
            "unknown variant `sometimes`",
            "Unsupported value: \\\"sometimes\\\"",
        ),
    ]
}

fn apps() -> Vec<Bad> {
    let app = |more: &str, words| bad("App", &format!("{{repository: r, {more}}}"), words);
    let typed = |more: &str, reader, server| told("App", &format!("{{repository: r, {more}}}"), reader, server);
    let inside = "must be a path inside the repository, without `.`, `..` or a leading `/`";
    let pointer = "is no JSON pointer: write for example `/spec/replicas`";
    let identity = "can't be ignored: it tells which object it is";
    let ignore = |field: &str, words| app(&format!("ignore: [{{kind: A, fields: ['{field}']}}]"), words);
    let list = |one: &str, count: usize| vec![one; count].join(", ");
    vec![
        told(
            "App",
            "{}",
            "missing field `repository`",
            "spec.repository: Required value",
        ),
        app("path: ../x", inside),
        app("path: /x", inside),
        app("path: a/../b", inside),
        app("path: a//b", inside),
        app("path: a/.", inside),
        app("path: ./a", inside),
        app(
            "render: [{plugin: {name: a}}, {plugin: {name: b}}]",
            "this version of Windlass runs one",
        ),
        app(
            "target: {cluster: eu, directory: out}",
            "a `cluster` and a `directory`; an App goes to one place",
        ),
        app("target: {directory: out}", FILE),
        app("target: {cluster: 'EU'}", NAME),
        app("target: {cluster: eu, serviceAccountName: 'a:b'}", NAME),
        typed(
            "target: {adopt: Sometimes}",
            "unknown variant `Sometimes`",
            "Unsupported value: \\\"Sometimes\\\"",
        ),
        typed(
            "prune: {maxPercent: 101}",
            "expected 0 to 100",
            "should be less than or equal to 100",
        ),
        typed(
            "prune: {maxPercent: -1}",
            "invalid value",
            "should be greater than or equal to 0",
        ),
        typed(
            "prune: {mode: Maybe}",
            "unknown variant `Maybe`",
            "Unsupported value: \\\"Maybe\\\"",
        ),
        typed(
            "rollback: {mode: yes}",
            "invalid type: boolean",
            "Unsupported value: true",
        ),
        app(
            "conflicts: {takeFrom: ['']}",
            "is empty: expected the name of a field manager",
        ),
        app(
            "conflicts: {takeFrom: [windlass/a/b/c]}",
            "an object moves between apps by leaving the one and entering the other",
        ),
        app("dependsOn: [{}]", "give `app` or `object`"),
        app(
            "dependsOn: [{app: b, object: {kind: Pod, name: p}}]",
            "give `app` or `object`",
        ),
        app("dependsOn: [{app: b, when: 'true'}]", "an App is to be healthy"),
        typed(
            "dependsOn: [{object: {kind: '', name: p}}]",
            "needs a `kind` and a `name`",
            "should be at least 1 chars long",
        ),
        typed(
            &format!("dependsOn: [{}]", list("{app: b}", 21)),
            "20 are allowed",
            "must have at most 20 items",
        ),
        ignore("spec.replicas", pointer),
        ignore("/metadata/name", identity),
        ignore(".metadata.name", identity),
        ignore("/kind", identity),
        app("ignore: [{kind: A, fields: []}]", "is empty: expected JSON pointers"),
        typed(
            "ignore: [{kind: '', fields: [/a]}]",
            "kind is empty",
            "should be at least 1 chars long",
        ),
        app(
            &format!("ignore: [{}]", list("{kind: A, fields: [/a], when: 'true'}", 21)),
            "has more than 20 rules with `when`",
        ),
        app("health: {progressDeadline: soon}", INTERVAL),
        typed(
            &format!("health: {{checks: [{}]}}", list("{kind: A, healthy: 'true'}", 21)),
            "20 are allowed",
            "must have at most 20 items",
        ),
        typed(
            "history: {limit: 0}",
            "expected 1 to 100",
            "should be greater than or equal to 1",
        ),
        typed(
            "history: {limit: 101}",
            "expected 1 to 100",
            "should be less than or equal to 100",
        ),
        app(
            "suspend: {reason: ' '}",
            "who finds the App suspended wants to know why",
        ),
        typed(
            "suspend: {reason: r, until: tomorrow}",
            "is no time",
            "must be of type date-time",
        ),
        typed(
            "sync: {mode: Later}",
            "unknown variant `Later`",
            "Unsupported value: \\\"Later\\\"",
        ),
        app(
            "sync: {windows: [{schedule: '0 9 * * *', duration: 9d, kind: Allow}]}",
            "write a whole number and a unit, such as `30m` or `62h`, up to 192h",
        ),
        app(
            "sync: {windows: [{schedule: '0 9 * * *', duration: 193h, kind: Allow}]}",
            "write a whole number and a unit, such as `30m` or `62h`, up to 192h",
        ),
        typed(
            "notify: {on: [now]}",
            "unknown variant `now`",
            "Unsupported value: \\\"now\\\"",
        ),
    ]
}

fn others() -> Vec<Bad> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let plugin = |more: &str, reader, server| {
        let spec = format!("{{versions: [{{version: 1.0.0, file: a.wasm, digest: '{digest}'}}], {more}}}");
        told("Plugin", &spec, reader, server)
    };
    let entry = format!("{{version: 1.0.0, file: a.wasm, digest: '{digest}'}}");
    let version = |place: &str, words| {
        let spec = format!("{{versions: [{{version: 1.0.0, digest: '{digest}', {place}}}]}}");
        bad("Plugin", &spec, words)
    };
    let place = "is neither a host name nor a network";
    let cluster = |lock: &str, words| bad("Cluster", &format!("{{kubeconfig: {{}}, lock: {{{lock}}}}}"), words);
    let tenant = |more: &str, words| bad("Tenant", &format!("{{namespaces: {{names: [a]}}, {more}}}"), words);
    vec![
        told(
            "Plugin",
            "{versions: []}",
            "spec.versions is empty",
            "should have at least 1 items",
        ),
        told(
            "Plugin",
            "{versions: [{version: 1.0.0, file: a.wasm, digest: 'sha256:12'}]}",
            "is no digest",
            "should match '^sha256:",
        ),
        plugin(
            "grants: [everything]",
            "unknown variant `everything`",
            "Unsupported value: \\\"everything\\\"",
        ),
        version("file: a.wasm, oci: 'h.test/a'", "give one of `file` and `oci`"),
        version("", "give one of `file` and `oci`"),
        version("oci: acme/helm", "write `REGISTRY/REPOSITORY`"),
        version("oci: 'https://h.test/a'", "write `REGISTRY/REPOSITORY`"),
        version("oci: 'h.test/A:1'", "write `REGISTRY/REPOSITORY`"),
        version("oci: 'me:pw@h.test/a'", "write `REGISTRY/REPOSITORY`"),
        bad(
            "Plugin",
            &format!("{{versions: [{entry}, {entry}]}}"),
            "stands there twice",
        ),
        plugin(
            "registry: {authFile: a, pullSecret: {name: b}}",
            "give one of `authFile` and `pullSecret`",
            "give one of `authFile` and `pullSecret`",
        ),
        plugin("http: {private: ['https://a.test']}", place, place),
        plugin("limits: {time: soon}", INTERVAL, INTERVAL),
        Bad {
            name: "in-cluster",
            ..bad(
                "Cluster",
                "{kubeconfig: {}}",
                "this name means the cluster that the engine runs in; use another one",
            )
        },
        told(
            "Cluster",
            "{}",
            "missing field `kubeconfig`",
            "spec.kubeconfig: Required value",
        ),
        cluster(
            "allow: {serviceAccounts: [bot]}",
            "is no service account: write `namespace/name`",
        ),
        cluster(
            "autoscalers: ['a/b/c']",
            "is no service account: write `namespace/name`",
        ),
        cluster("allow: {users: ['']}", "expected a user as the API server names it"),
        cluster(
            "allow: {groups: ['system:authenticated']}",
            "has everybody in it: name a group of its own",
        ),
        cluster("breakGlass: ['']", "expected a group as the API server names it"),
        told(
            "Tenant",
            "{}",
            "missing field `namespaces`",
            "spec.namespaces: Required value",
        ),
        bad(
            "Tenant",
            "{namespaces: {}}",
            "give `names` or `matchLabels`, or the Tenant is about nobody",
        ),
        bad(
            "Tenant",
            "{namespaces: {names: []}}",
            "give `names` or `matchLabels`, or the Tenant is about nobody",
        ),
        tenant("required: {validators: [{name: a}, {name: a}]}", "stands there twice"),
        tenant(
            "required: {notify: [{name: a}, {name: a}]}",
            "give one of them another name (`as`)",
        ),
        told(
            "Tenant",
            "{namespaces: {names: ['']}}",
            "it has 1 to 512 characters",
            "should be at least 1 chars long",
        ),
    ]
}

pub(super) fn good() -> Vec<Value> {
    let digest = format!("sha256:{}", "0".repeat(64));
    let plugin = format!(
        "{{versions: [{{version: 1.0.0, file: a.wasm, digest: '{digest}'}}, {{version: 1.1.0, oci: 'ghcr.test/acme/a:1.1.0@{digest}', digest: '{digest}'}}], \
         registry: {{pullSecret: {{name: pull}}, insecure: true}}, rollout: Preview, grants: [http], limits: {{time: 2m}}, \
         http: {{private: [10.0.0.0/8, 'fd00::/8', hooks.internal], plain: [hooks.internal]}}}}"
    );
    let app = |spec: &str| document("App", "a", spec);
    let repository = |spec: &str| document("Repository", "a", spec);
    vec![
        repository("{git: {url: 'https://git.test/r.git'}}"),
        repository(
            "{git: {url: 'https://git.test/r.git'}, plugins: {renderers: [{name: helm, version: '4.3'}, {name: yaml}]}}",
        ),
        repository(
            "{git: {url: 'git@git.test:team/r.git', ref: {semver: '>=1.2 <2'}}, auth: {secretRef: {name: ssh}}}",
        ),
        repository(
            "{git: {url: 'ssh://git@git.test/r.git', ref: {branch: main}, onForcedPush: Hold}, interval: 24h, maxSize: 500Mi}",
        ),
        repository(
            "{git: {url: 'http://git.test/r.git'}, proxy: {url: 'http://p:1', noProxy: [a.test], secretRef: {name: p}}, \
             plugins: {validators: [{name: schema, version: '1', config: {strict: {deep: [1, null, x]}}}], \
             notify: [{name: webhook, as: chat, config: {url: 'https://a'}, secretRef: {name: hook}, on: [failed, rolled-back], apps: ['shop-*']}]}}",
        ),
        repository(
            "{git: {url: 'https://git.test/r.git', ref: {semver: '1'}}, verify: {secretRef: {name: k}, mode: TagAndHEAD}}",
        ),
        repository("{git: {url: 'https://git.test/r.git'}, verify: {secretRef: {name: k}, mode: HEAD}}"),
        app("{repository: r}"),
        app("{repository: r, path: 'apps/api/'}"),
        app("{repository: r, path: .hidden/a..b/...}"),
        app(
            "{repository: r, render: [{plugin: {name: helm, version: '4.3'}, config: {releaseName: api, valueFiles: [a, b]}}]}",
        ),
        app("{repository: r, target: {cluster: eu, namespace: shop, serviceAccountName: deployer, adopt: Always}}"),
        app(
            "{repository: r, prune: {mode: false, maxPercent: 0, protect: [ConfigMap], unprotect: [StatefulSet.apps], allowEmpty: true}}",
        ),
        app(
            "{repository: r, restart: {mode: 'Off'}, rollback: {mode: Auto}, history: {limit: 100}, deletionPolicy: Orphan}",
        ),
        app(
            "{repository: r, drift: {mode: Report, scope: Strict}, conflicts: {takeFrom: [helm, kubectl-edit]}, \
             ignore: [{kind: Deployment, group: apps, fields: [/spec/replicas, '.spec.template.spec.containers[name=\"app\"].image'], when: 'live.spec.replicas > 1'}]}",
        ),
        app(
            "{repository: r, health: {progressDeadline: 30s, checks: [{kind: Tank, group: example.org, healthy: 'live.status.level >= 1'}]}, \
             dependsOn: [{app: db}, {object: {group: apps, kind: Deployment, name: x, namespace: other}, when: 'true'}]}",
        ),
        app(
            "{repository: r, sync: {mode: Approve, windows: [{schedule: '0 9 * * 1-5', duration: 192h, timeZone: Europe/Berlin, kind: Allow, selfHeal: false}]}, \
             suspend: {reason: incident, actor: ann, until: '2026-12-01T08:00:00Z'}, notify: {on: [], kubernetesEvents: true}}",
        ),
        document("Plugin", "a", &plugin),
        document(
            "Cluster",
            "a",
            "{kubeconfig: {file: /etc/windlass/eu, context: admin}, withoutServiceAccount: ActAsOwn}",
        ),
        document(
            "Cluster",
            "a",
            "{kubeconfig: {}, lock: {mode: false, scope: Strict, allow: {users: [ann], groups: ['ops:all'], serviceAccounts: [ops/bot]}, \
             breakGlass: [oncall], rolloutRestart: Allow, scale: Deny, autoscalers: [], caInjectors: [a/b]}}",
        ),
        document(
            "Tenant",
            "a",
            "{namespaces: {names: ['shop-*'], matchLabels: {team: shop}}, repositories: ['https://git.test/shop/**'], \
             targets: [{cluster: eu, namespaces: [shop]}, {cluster: 'test-*'}], serviceAccounts: [deployer], \
             kinds: {allow: ['*.apps'], deny: [Secret]}, \
             required: {validators: [{name: policy, config: {level: 3}}], notify: [{name: webhook, secretFiles: {a: /etc/a}}]}}",
        ),
    ]
}

/// The whole documents in the README.
pub(super) fn readme() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let text = fs::read_to_string(path).unwrap();
    let blocks = text
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap());
    let documents = blocks.filter_map(|block| yaml::parse(block).ok()).flatten();
    documents
        .map(|document| document.value)
        .filter(|value| value["apiVersion"] == API_VERSION && value["metadata"]["name"].is_string())
        .collect()
}
