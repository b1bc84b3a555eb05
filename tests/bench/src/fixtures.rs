//! What is rendered, and the host that renders it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::Value;
use windlass_cluster::facts::Facts;
use windlass_core::render::{AppNames, Instant};
use windlass_host::{
    CallLimits, Cancel, Host, HostOptions, LoadOptions, Plugin, RenderRequest, Stats, WorkerCommand, entropy,
};
use windlass_source::{
    Cancel as CancelScan,
    local::{Folder, GitConfig, Options, Root},
};

/// Where `cargo x` puts plugins.
pub(crate) fn plugins() -> PathBuf {
    std::env::var_os("WINDLASS_PLUGINS").map_or_else(
        || {
            std::env::current_exe()
                .expect("this program")
                .ancestors()
                .nth(2)
                .expect("a target folder")
                .join("plugins")
        },
        PathBuf::from,
    )
}

/// A component: a first-party plugin, or one that only tests use.
pub(crate) fn component(name: &str) -> PathBuf {
    let guests = std::env::var_os("WINDLASS_GUESTS").map_or_else(|| plugins().join("guests"), PathBuf::from);
    let file = format!("{name}.wasm");
    let first_party = plugins().join(&file);
    if first_party.is_file() {
        first_party
    } else {
        guests.join(file)
    }
}

/// Where compiled plugins are kept between runs.
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("WINDLASS_CACHE_DIR").map_or_else(|| plugins().join("../bench-cache"), PathBuf::from)
}

/// The native command of that name, if it was built.
pub(crate) fn oracle(name: &str) -> Option<PathBuf> {
    std::env::var_os("WINDLASS_ORACLES")
        .map(|dir| PathBuf::from(dir).join(name))
        .filter(|path| path.is_file())
}

/// A host with that many workers; this program is their program.
pub(crate) fn host(workers: usize, cache_dir: PathBuf) -> Host {
    Host::new(HostOptions {
        cache_dir,
        worker: WorkerCommand::own().expect("this program"),
        workers,
    })
    .expect("a host")
}

/// A plugin and one request for it.
pub(crate) struct Call {
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) request: RenderRequest,
}

impl Call {
    /// Of the path `path` in a folder.
    pub(crate) fn new(host: &Host, plugin: &str, folder: &Path, path: &str, config: &Value) -> Self {
        let plugin = host
            .load_file(&component(plugin), &LoadOptions::default())
            .expect("a plugin");
        let config = plugin.check_config(config).expect("a config");
        let request = request(folder, path, config);
        Self { plugin, request }
    }

    /// [`Call::render`], for whoever measures it from outside.
    pub(crate) fn run(&self, host: &Host) {
        self.render(host);
    }

    /// Renders, and insists on documents.
    pub(crate) fn render(&self, host: &Host) -> Stats {
        let outcome = host.render(&self.plugin, &self.request, &CallLimits::default(), &Cancel::default());
        let output = outcome.result.expect("an output");
        assert!(!output.documents.is_empty(), "{} renders", self.plugin.manifest().name);
        outcome.stats
    }
}

fn request(folder: &Path, path: &str, config: String) -> RenderRequest {
    let options = Options {
        root: Root::At(folder.to_owned()),
        config: GitConfig::Repository,
    };
    let (opened, _) = Folder::open(folder, &options).expect("a folder");
    let revision = opened.scan(&CancelScan::new()).expect("a scan").revision;
    let app = AppNames {
        namespace: "default".to_owned(),
        name: "app".to_owned(),
        target_namespace: "default".to_owned(),
    };
    let facts = Facts::offline();
    RenderRequest {
        tenant: windlass_host::Tenant::new("shop"),
        tree: revision.tree(""),
        path: path.to_owned(),
        config,
        entropy: entropy::app_key(&[1; 32], &app),
        app,
        now: Instant {
            seconds: 1_767_225_600,
            nanoseconds: 0,
        },
        kube_version: facts.kube_version,
        apis: facts.apis,
        input: None,
        sources: BTreeMap::new(),
    }
}

/// Writes a file and the folders above it.
pub(crate) fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// A chart of that many templates.
pub(crate) fn chart(folder: &Path, templates: usize) {
    write(
        &folder.join("Chart.yaml"),
        "apiVersion: v2\nname: bench\nversion: 1.0.0\n",
    );
    write(
        &folder.join("values.yaml"),
        "replicas: 2\nimage: {repository: nginx, tag: '1.27'}\nlabels: {team: shop, tier: front}\n",
    );
    write(
        &folder.join("templates/_helpers.tpl"),
        "{{- define \"labels\" -}}\napp.kubernetes.io/name: {{ .Chart.Name }}\napp.kubernetes.io/instance: {{ .Release.Name }}\n{{- with .Values.labels }}\n{{ toYaml . }}\n{{- end }}\n{{- end }}\n",
    );
    let template = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}-INDEX\n  labels: {{- include \"labels\" . | nindent 4 }}\nspec:\n  replicas: {{ .Values.replicas }}\n  selector: {matchLabels: {app: x}}\n  template:\n    metadata:\n      annotations:\n        checksum: {{ include \"labels\" . | sha256sum }}\n      labels: {{- include \"labels\" . | nindent 8 }}\n    spec:\n      containers:\n        - name: main\n          image: \"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n          resources: {{- toYaml (.Values.resources | default dict) | nindent 12 }}\n";
    for index in 0..templates {
        write(
            &folder.join(format!("templates/d{index}.yaml")),
            &template.replace("INDEX", &index.to_string()),
        );
    }
}

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: \"1\"\n  b: two\n")
}

/// A base of twelve objects, and an overlay of it.
pub(crate) fn kustomization(folder: &Path) {
    let names: Vec<String> = (0..12).map(|i| format!("c{i}")).collect();
    for name in &names {
        write(&folder.join(format!("base/{name}.yaml")), &config_map(name));
    }
    let list: String = names.iter().map(|n| format!("- {n}.yaml\n")).collect();
    write(&folder.join("base/kustomization.yaml"), &format!("resources:\n{list}"));
    write(
        &folder.join("overlay/kustomization.yaml"),
        "resources: [../base]\nnamePrefix: prod-\nnamespace: shop\nlabels: [{pairs: {env: prod}}]\npatches:\n- target: {kind: ConfigMap, name: c1}\n  patch: |-\n    - {op: replace, path: /data/a, value: \"2\"}\n",
    );
}

/// Twenty objects by a function of a library.
pub(crate) fn jsonnet(folder: &Path) {
    write(
        &folder.join("lib.libsonnet"),
        "{ map(i):: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c%d' % i }, data: { a: std.toString(i) } } }\n",
    );
    write(
        &folder.join("main.jsonnet"),
        "local lib = import 'lib.libsonnet';\n[lib.map(i) for i in std.range(1, 20)]\n",
    );
}

/// A hundred manifests, and a kustomization that lists them.
pub(crate) fn yaml(folder: &Path) {
    let mut list = String::from("resources:\n");
    for index in 0..100 {
        let name = format!("c{index}");
        write(&folder.join(format!("plain/{name}.yaml")), &config_map(&name));
        list.push_str(&format!("- {name}.yaml\n"));
        write(&folder.join(format!("listed/{name}.yaml")), &config_map(&name));
    }
    write(&folder.join("listed/kustomization.yaml"), &list);
}
