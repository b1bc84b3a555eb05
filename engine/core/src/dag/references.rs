//! Objects that an object names in its spec, and that should be there before it.

use serde_json::Value;

use crate::model::{ObjectId, items};

/// Groups that are named more than once.
const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Every object that a built-in one refers to. What it can do without (`optional: true`) isn't named, nor is what makes it wait
/// in vain: a claim is only bound once a pod uses it.
#[must_use]
pub fn references(id: &ObjectId, body: &Value) -> Vec<ObjectId> {
    let mut found = Found {
        namespace: &id.namespace,
        ids: Vec::new(),
    };
    if let Some(pod) = pod_spec(id, body) {
        found.pod(pod);
    }
    match (id.group.as_str(), id.kind.as_str()) {
        ("apps", "StatefulSet") => found.name("", "Service", body.pointer("/spec/serviceName")),
        ("", "PersistentVolumeClaim") => {
            found.cluster_wide("storage.k8s.io", "StorageClass", body.pointer("/spec/storageClassName"));
            found.cluster_wide("", "PersistentVolume", body.pointer("/spec/volumeName"));
        }
        (RBAC, "RoleBinding" | "ClusterRoleBinding") => found.binding(body),
        ("networking.k8s.io", "Ingress") => found.ingress(body),
        ("autoscaling", "HorizontalPodAutoscaler") => found.target(body.pointer("/spec/scaleTargetRef")),
        (ADMISSION, "ValidatingAdmissionPolicyBinding") => {
            found.cluster_wide(ADMISSION, "ValidatingAdmissionPolicy", body.pointer("/spec/policyName"));
        }
        (ADMISSION, "MutatingAdmissionPolicyBinding") => {
            found.cluster_wide(ADMISSION, "MutatingAdmissionPolicy", body.pointer("/spec/policyName"));
        }
        _ => {}
    }
    found.ids.sort();
    found.ids.dedup();
    found.ids
}

/// The pods that a workload makes, or a pod's own spec.
pub(super) fn pod_spec<'v>(id: &ObjectId, body: &'v Value) -> Option<&'v Value> {
    let pointer = match (id.group.as_str(), id.kind.as_str()) {
        ("", "Pod") => "/spec",
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job")
        | ("", "ReplicationController") => "/spec/template/spec",
        ("batch", "CronJob") => "/spec/jobTemplate/spec/template/spec",
        _ => return None,
    };
    body.pointer(pointer)
}

/// Under which account a workload's pods run.
pub(super) fn service_account(id: &ObjectId, body: &Value) -> Option<ObjectId> {
    let name = pod_spec(id, body)?.get("serviceAccountName")?.as_str()?;
    Some(named("", "ServiceAccount", &id.namespace, name))
}

/// To whom a binding gives rights.
pub(super) fn subjects(id: &ObjectId, body: &Value) -> Vec<ObjectId> {
    let text = |subject: &Value, key: &str| subject.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let accounts = items(body.get("subjects")).filter(|subject| text(subject, "kind") == "ServiceAccount");
    let account = |subject: &Value| {
        let namespace = text(subject, "namespace");
        let namespace = if namespace.is_empty() {
            id.namespace.clone()
        } else {
            namespace
        };
        named("", "ServiceAccount", &namespace, &text(subject, "name"))
    };
    accounts.map(account).collect()
}

fn named(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectId {
    ObjectId {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

struct Found<'a> {
    /// Where names without a namespace are looked for.
    namespace: &'a str,
    ids: Vec<ObjectId>,
}

impl Found<'_> {
    fn name(&mut self, group: &str, kind: &str, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str) {
            self.ids.push(named(group, kind, self.namespace, name));
        }
    }

    fn cluster_wide(&mut self, group: &str, kind: &str, name: Option<&Value>) {
        if let Some(name) = name.and_then(Value::as_str) {
            self.ids.push(named(group, kind, "", name));
        }
    }

    /// A source with a name in `key`, unless it is optional.
    fn source(&mut self, kind: &str, source: Option<&Value>, key: &str) {
        let source = source.filter(|source| source.get("optional") != Some(&Value::Bool(true)));
        self.name("", kind, source.and_then(|source| source.get(key)));
    }

    fn pod(&mut self, pod: &Value) {
        self.name("", "ServiceAccount", pod.get("serviceAccountName"));
        self.cluster_wide("scheduling.k8s.io", "PriorityClass", pod.get("priorityClassName"));
        self.cluster_wide("node.k8s.io", "RuntimeClass", pod.get("runtimeClassName"));
        for secret in items(pod.get("imagePullSecrets")) {
            self.source("Secret", Some(secret), "name");
        }
        for claim in items(pod.get("resourceClaims")) {
            self.name("resource.k8s.io", "ResourceClaim", claim.get("resourceClaimName"));
            self.name(
                "resource.k8s.io",
                "ResourceClaimTemplate",
                claim.get("resourceClaimTemplateName"),
            );
        }
        for volume in items(pod.get("volumes")) {
            self.volume(volume);
        }
        for list in ["containers", "initContainers"] {
            for container in items(pod.get(list)) {
                self.container(container);
            }
        }
    }

    fn volume(&mut self, volume: &Value) {
        self.source("ConfigMap", volume.get("configMap"), "name");
        self.source("Secret", volume.get("secret"), "secretName");
        self.name(
            "",
            "PersistentVolumeClaim",
            volume.pointer("/persistentVolumeClaim/claimName"),
        );
        self.source("Secret", volume.pointer("/csi/nodePublishSecretRef"), "name");
        for source in items(volume.pointer("/projected/sources")) {
            self.source("ConfigMap", source.get("configMap"), "name");
            self.source("Secret", source.get("secret"), "name");
        }
    }

    fn container(&mut self, container: &Value) {
        for source in items(container.get("envFrom")) {
            self.source("ConfigMap", source.get("configMapRef"), "name");
            self.source("Secret", source.get("secretRef"), "name");
        }
        for variable in items(container.get("env")) {
            self.source("ConfigMap", variable.pointer("/valueFrom/configMapKeyRef"), "name");
            self.source("Secret", variable.pointer("/valueFrom/secretKeyRef"), "name");
        }
    }

    fn binding(&mut self, body: &Value) {
        let id = named(RBAC, "RoleBinding", self.namespace, "");
        self.ids.extend(subjects(&id, body));
        let name = body.pointer("/roleRef/name");
        match body.pointer("/roleRef/kind").and_then(Value::as_str) {
            Some("Role") => self.name(RBAC, "Role", name),
            Some("ClusterRole") => self.cluster_wide(RBAC, "ClusterRole", name),
            _ => {}
        }
    }

    fn ingress(&mut self, body: &Value) {
        self.cluster_wide(
            "networking.k8s.io",
            "IngressClass",
            body.pointer("/spec/ingressClassName"),
        );
        self.name("", "Service", body.pointer("/spec/defaultBackend/service/name"));
        for rule in items(body.pointer("/spec/rules")) {
            for path in items(rule.pointer("/http/paths")) {
                self.name("", "Service", path.pointer("/backend/service/name"));
            }
        }
        for tls in items(body.pointer("/spec/tls")) {
            self.name("", "Secret", tls.get("secretName"));
        }
    }

    /// What an autoscaler scales.
    fn target(&mut self, target: Option<&Value>) {
        let text = |key: &str| target.and_then(|target| target.get(key)).and_then(Value::as_str);
        let group = text("apiVersion")
            .and_then(|version| version.split_once('/'))
            .map_or("", |(group, _)| group);
        if let Some(kind) = text("kind") {
            self.name(group, kind, target.and_then(|target| target.get("name")));
        }
    }
}
