//! What is found in objects of built-in kinds.

use crate::testing::{findings, with};

/// A Deployment with `pod` as the fields of its pod, which stand at column 0.
fn deployment(pod: &str) -> String {
    let pod = pod.replace('\n', "\n      ");
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec:\n  selector: {{matchLabels: {{a: b}}}}\n  \
         template:\n    metadata: {{labels: {{a: b}}}}\n    spec:\n      {pod}\n"
    )
}

fn found(yaml: &str, expected: &[&str]) {
    assert_eq!(findings(yaml), expected, "{yaml}");
}

/// Of a container with these fields.
fn container(fields: &str, expected: &[&str]) {
    let yaml = deployment(&format!("containers:\n- {{name: a, image: a, {fields}}}"));
    let place = "/spec/template/spec/containers/0";
    let lines: Vec<String> = findings(&yaml).iter().map(|line| line.replace(place, "")).collect();
    let words = "spec.template.spec.containers[0]";
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replace(&format!("{words}."), "").replace(words, "it"))
        .collect();
    assert_eq!(lines, expected, "{yaml}");
}

#[test]
fn what_the_server_takes_is_not_found() {
    for fields in [
        "ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}, {containerPort: 81}]",
        "env: [{name: A, value: null}, {name: B, value: ''}, {name: C, valueFrom: {secretKeyRef: {name: a, key: b}}}]",
        "env: null, ports: [], resources: {}, args: null",
        "resources: {limits: {cpu: 1, memory: 1.5Gi}, requests: {cpu: 0.5, memory: '64Mi'}}",
        "livenessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1.0}",
        "readinessProbe: {tcpSocket: {port: 80}}",
        "imagePullPolicy: '', securityContext: {runAsUser: 3000000000}",
    ] {
        container(fields, &[]);
    }
    found(
        "{apiVersion: v1, kind: Pod, metadata: {name: a, creationTimestamp: null}, spec: {containers: [{name: a}]}, status: {}}",
        &[],
    );
    found(
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: aGk=, b: ''}, stringData: {c: hi}}",
        &[],
    );
    found(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: null, binaryData: {a: aGk=}}",
        &[],
    );
}

#[test]
fn wrong_types_are_errors() {
    for (fields, expected) in [
        (
            "env: [{name: A, value: 80}]",
            "error wrong-type /env/0/value: `env[0].value` must be a string, found the number `80` \
             (put it in quotes: YAML reads `1`, `true`, `yes` and `on` as something else)",
        ),
        (
            "ports: [{containerPort: '80'}]",
            "error wrong-type /ports/0/containerPort: `ports[0].containerPort` must be an integer, found the string \"80\" \
             (remove the quotes)",
        ),
        (
            "stdin: 'true'",
            "error wrong-type /stdin: `stdin` must be a boolean, found the string \"true\" (remove the quotes)",
        ),
        (
            "args: a",
            "error wrong-type /args: `args` must be a list, found the string \"a\" (write a list here)",
        ),
        (
            "env: {A: b}",
            "error wrong-type /env: `env` must be a list, found a map (start each item with `- `)",
        ),
        (
            "resources: [a]",
            "error wrong-type /resources: `resources` must be a map, found a list (remove the `- ` before the first field)",
        ),
        (
            "livenessProbe: {httpGet: {port: [80]}}",
            "error wrong-type /livenessProbe/httpGet/port: `livenessProbe.httpGet.port` must be an integer or a string, \
             found a list (write an integer or a string here)",
        ),
        (
            "ports: [{containerPort: 80.5}]",
            "error wrong-type /ports/0/containerPort: `ports[0].containerPort` must be an integer, found the number `80.5` \
             (write an integer here)",
        ),
        (
            "ports: [{containerPort: 3000000000}]",
            "error out-of-range /ports/0/containerPort: `ports[0].containerPort` must be an integer of 32 bits, \
             found the number `3000000000` (write a smaller number)",
        ),
    ] {
        container(fields, &[expected]);
    }
}

#[test]
fn words_and_quantities_are_checked() {
    for (fields, expected) in [
        (
            "imagePullPolicy: always",
            "error invalid-enum /imagePullPolicy: `imagePullPolicy` must be one of `Always`, `IfNotPresent`, `Never`, \
             found the string \"always\" (did you mean `Always`?)",
        ),
        (
            "resources: {limits: {memory: 1GB}}",
            "error invalid-quantity /resources/limits/memory: `resources.limits.memory` must be a quantity, \
             found the string \"1GB\" (write a number with one of the suffixes m, k, M, G, T, Ki, Mi, Gi, Ti: `100m`, `1.5Gi`)",
        ),
        (
            "resources: {limits: {memory: [1]}}",
            "error wrong-type /resources/limits/memory: `resources.limits.memory` must be a quantity, found a list \
             (write a quantity here)",
        ),
    ] {
        container(fields, &[expected]);
    }
    found(
        "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: a}, spec: {accessModes: [RWO]}}",
        &[
            "error invalid-enum /spec/accessModes/0: `spec.accessModes[0]` must be one of `ReadOnlyMany`, `ReadWriteMany`, \
           `ReadWriteOnce`, `ReadWriteOncePod`, found the string \"RWO\" (take one of these)",
        ],
    );
    found(
        "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a, creationTimestamp: yesterday}, spec: {schedule: '* * * * *', \
          jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}}}",
        &[
            "error invalid-format /metadata/creationTimestamp: `metadata.creationTimestamp` must be a time such as \
           `2026-11-25T08:00:00Z`, found the string \"yesterday\" (write a time such as `2026-11-25T08:00:00Z` here)",
        ],
    );
}

#[test]
fn duplicate_keys_of_lists_are_errors() {
    let lacks = "(remove or rename one of them)";
    for (fields, expected) in [
        (
            "env: [{name: A, value: a}, {name: B}, {name: A}]",
            format!(
                "error duplicate-list-key /env/2/name: `env` has another item with the same name, the string \"A\" {lacks}"
            ),
        ),
        (
            "ports: [{containerPort: 80}, {containerPort: 80, protocol: TCP}]",
            format!(
                "error duplicate-list-key /ports/1/containerPort: `ports` has another item with the same containerPort, \
                 the number `80` and the string \"TCP\" {lacks}"
            ),
        ),
        (
            "volumeMounts: [{name: a, mountPath: /a}, {name: b, mountPath: /a}]",
            format!(
                "error duplicate-list-key /volumeMounts/1/mountPath: `volumeMounts` has another item with the same mountPath, \
                 the string \"/a\" {lacks}"
            ),
        ),
    ] {
        container(fields, &[&expected]);
    }
    found(
        "{apiVersion: v1, kind: Service, metadata: {name: a, finalizers: [a, b, a]}, spec: {}}",
        &[
            "error duplicate-item /metadata/finalizers/2: `metadata.finalizers` has another item, the string \"a\" \
           (remove one of them)",
        ],
    );
}

#[test]
fn missing_fields_are_errors_and_misspelt_ones_are_named() {
    found(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selectors: {}, template: {spec: {containers: null}}}}",
        &[
            "error missing-field /spec/selector: `spec` lacks `selector`, which is required (did you mean it by `selectors`?)",
            "warning unknown-field /spec/selectors: `spec.selectors` is a field that the schema doesn't have (did you mean \
             `selector`?)",
            "error missing-field /spec/template/spec/containers: `spec.template.spec` lacks `containers`, which is required \
             (add `containers`)",
        ],
    );
}

#[test]
fn unknown_fields_say_where_they_belong() {
    let yaml = deployment("replica: 1\ncontainers: [{name: a, prots: [], nonsense: 1}]")
        .replace("spec:\n  selector", "spec:\n  replica: 1\n  containers: []\n  selector");
    let expected = [
        "warning unknown-field /spec/containers: `spec.containers` is a field that the schema doesn't have \
         (`containers` stands in `template.spec.containers`: move it there, or check the indentation)",
        "warning unknown-field /spec/replica: `spec.replica` is a field that the schema doesn't have (did you mean `replicas`?)",
        "warning unknown-field /spec/template/spec/containers/0/nonsense: `spec.template.spec.containers[0].nonsense` is a \
         field that the schema doesn't have (remove it, or check the indentation: the API server drops or refuses it)",
        "warning unknown-field /spec/template/spec/containers/0/prots: `spec.template.spec.containers[0].prots` is a field \
         that the schema doesn't have (did you mean `ports`?)",
        "warning unknown-field /spec/template/spec/replica: `spec.template.spec.replica` is a field that the schema doesn't \
         have (remove it, or check the indentation: the API server drops or refuses it)",
    ];
    found(&yaml, &expected);
    assert_eq!(with(r#"{"unknownFields":"ignore"}"#, "v1.37.0", &yaml), [""; 0]);
    let errors = with(r#"{"unknownFields":"error"}"#, "v1.37.0", &yaml);
    assert!(
        errors.len() == 5 && errors.iter().all(|line| line.starts_with("error unknown-field")),
        "{errors:?}"
    );
}

#[test]
fn values_of_secrets_are_never_shown() {
    let yaml = "{apiVersion: v1, kind: Secret, metadata: {name: a}, type: [hunter2], data: {a: hunter2, b: {hunter2: x}}, immutable: hunter2}";
    let lines = findings(yaml);
    assert_eq!(
        lines,
        [
            "error invalid-format /data/a: `data.a` must be base64, found a string (encode it with `base64 -w0`)",
            "error wrong-type /immutable: `immutable` must be a boolean, found a string (write a boolean here)",
            "error wrong-type /type: `type` must be a string, found a list (write a string here)",
        ]
    );
}

#[test]
fn what_the_engine_looks_at_itself_is_left_to_it() {
    found(
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, labels: {a: 1}, annotations: [x]}, data: {a: 1}}",
        &[],
    );
    found(
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {a: 1}, stringData: [a]}",
        &[],
    );
}

#[test]
fn values_that_sops_has_encrypted_are_left_alone() {
    let yaml = |sops: &str| {
        format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: a}}, data: {{a: 'ENC[AES256_GCM,data:x,type:str]'}}, \
             immutable: 'ENC[AES256_GCM,data:x,type:bool]', sops: {sops}}}"
        )
    };
    found(&yaml("{mac: x}"), &[]);
    assert_eq!(findings(&yaml("{}")).len(), 3);
}

#[test]
fn a_status_is_only_looked_at_for_its_form() {
    found(
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a}]}, status: {phase: odd, conditions: [{}]}}",
        &[],
    );
    found(
        "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: a}]}, status: {phase: 1}}",
        &[
            "error wrong-type /status/phase: `status.phase` must be a string, found the number `1` \
           (put it in quotes: YAML reads `1`, `true`, `yes` and `on` as something else)",
        ],
    );
}
