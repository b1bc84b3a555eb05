//! Kubernetes version and API list, as explicit input of every render.

use std::{collections::BTreeSet, sync::Arc};

/// What a render may ask about its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `v1.37.1`.
    pub kube_version: String,
    /// `v1`, `apps/v1` and, where kinds are known, `apps/v1/Deployment`.
    pub apis: Arc<BTreeSet<String>>,
}

/// Text that is no Kubernetes version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no Kubernetes version: expected something like `v1.37.1` or `1.37`")]
pub struct BadVersion {
    text: String,
}

/// The version that the pinned Helm (v4.3.1) assumes without a cluster, so that an offline render equals `helm template`.
const OFFLINE_VERSION: &str = "v1.37.0";

/// The API versions that the pinned Helm (v4.3.1) assumes without a cluster: `helm template`'s `.Capabilities.APIVersions`.
const OFFLINE_APIS: &[&str] = &[
    "v1",
    "admissionregistration.k8s.io/v1",
    "admissionregistration.k8s.io/v1alpha1",
    "admissionregistration.k8s.io/v1beta1",
    "internal.apiserver.k8s.io/v1alpha1",
    "apps/v1",
    "apps/v1beta1",
    "apps/v1beta2",
    "authentication.k8s.io/v1",
    "authentication.k8s.io/v1alpha1",
    "authentication.k8s.io/v1beta1",
    "authorization.k8s.io/v1",
    "authorization.k8s.io/v1beta1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "batch/v1beta1",
    "certificates.k8s.io/v1",
    "certificates.k8s.io/v1beta1",
    "certificates.k8s.io/v1alpha1",
    "coordination.k8s.io/v1alpha2",
    "coordination.k8s.io/v1beta1",
    "coordination.k8s.io/v1",
    "discovery.k8s.io/v1",
    "discovery.k8s.io/v1beta1",
    "events.k8s.io/v1",
    "events.k8s.io/v1beta1",
    "extensions/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1",
    "flowcontrol.apiserver.k8s.io/v1beta1",
    "flowcontrol.apiserver.k8s.io/v1beta2",
    "flowcontrol.apiserver.k8s.io/v1beta3",
    "lifecycle.k8s.io/v1alpha1",
    "networking.k8s.io/v1",
    "networking.k8s.io/v1beta1",
    "node.k8s.io/v1",
    "node.k8s.io/v1alpha1",
    "node.k8s.io/v1beta1",
    "policy/v1",
    "policy/v1beta1",
    "rbac.authorization.k8s.io/v1",
    "rbac.authorization.k8s.io/v1beta1",
    "rbac.authorization.k8s.io/v1alpha1",
    "resource.k8s.io/v1",
    "resource.k8s.io/v1beta2",
    "resource.k8s.io/v1beta1",
    "resource.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1alpha3",
    "scheduling.k8s.io/v1beta1",
    "scheduling.k8s.io/v1",
    "storage.k8s.io/v1beta1",
    "storage.k8s.io/v1",
    "storage.k8s.io/v1alpha1",
    "storagemigration.k8s.io/v1",
    "storagemigration.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1beta1",
    "apiextensions.k8s.io/v1",
];

impl Facts {
    /// What is assumed when there is no cluster.
    #[must_use]
    pub fn offline() -> Self {
        let apis = OFFLINE_APIS.iter().map(|api| (*api).to_owned()).collect();
        Self {
            kube_version: OFFLINE_VERSION.to_owned(),
            apis: Arc::new(apis),
        }
    }

    /// With another Kubernetes version.
    ///
    /// # Errors
    /// When the text is no version of two or three numbers.
    pub fn with_version(mut self, text: &str) -> Result<Self, BadVersion> {
        let bad = || BadVersion { text: text.to_owned() };
        let plain = text.strip_prefix('v').unwrap_or(text);
        let core = plain.split(['-', '+']).next().unwrap_or_default();
        let numbers: Vec<&str> = core.split('.').collect();
        let all_numbers = numbers
            .iter()
            .all(|n| !n.is_empty() && n.len() < 6 && n.bytes().all(|b| b.is_ascii_digit()));
        if !(2..=3).contains(&numbers.len()) || !all_numbers {
            return Err(bad());
        }
        let patch = if numbers.len() == 2 { ".0" } else { "" };
        let rest = &plain[core.len()..];
        self.kube_version = format!("v{core}{patch}{rest}");
        Ok(self)
    }

    /// With further APIs.
    #[must_use]
    pub fn with_apis<'a>(mut self, apis: impl IntoIterator<Item = &'a str>) -> Self {
        Arc::make_mut(&mut self.apis).extend(apis.into_iter().map(str::to_owned));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_completed_and_checked() {
        let version = |text: &str| Facts::offline().with_version(text).map(|f| f.kube_version);
        assert_eq!(version("1.30"), Ok("v1.30.0".to_owned()));
        assert_eq!(version("v1.30.2-gke.1"), Ok("v1.30.2-gke.1".to_owned()));
        for bad in ["", "1", "v1.x", "latest", "1.2.3.4"] {
            assert!(version(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn further_apis_are_added() {
        let facts = Facts::offline().with_apis(["monitoring.coreos.com/v1"]);
        assert!(facts.apis.contains("monitoring.coreos.com/v1") && facts.apis.contains("apps/v1"));
    }
}
