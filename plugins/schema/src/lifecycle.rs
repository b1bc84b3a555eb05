//! APIs that Kubernetes gave up, from its deprecated API migration guide: what a cluster of today refuses or warns about, and
//! what to write instead. An API that never was stable and isn't here is told as an unknown kind, with the versions served.

/// An API that was or will be removed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Retired {
    /// Its group, version and kind; no kind = all of the version.
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    /// Minor release from which on the server warns.
    pub(crate) deprecated: u32,
    /// Minor release from which on the server doesn't serve it.
    pub(crate) removed: Option<u32>,
    /// What took its place.
    pub(crate) instead: Option<&'static str>,
}

/// What became of an API; `None` = nothing.
pub(crate) fn of(group: &str, version: &str, kind: &str) -> Option<&'static Retired> {
    let same = |entry: &&Retired| {
        (entry.group, entry.version) == (group, version) && (entry.kind.is_empty() || entry.kind == kind)
    };
    RETIRED.iter().find(same)
}

const fn removed(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    (deprecated, removed): (u32, u32),
    instead: &'static str,
) -> Retired {
    let instead = if instead.is_empty() { None } else { Some(instead) };
    Retired {
        group,
        version,
        kind,
        deprecated,
        removed: Some(removed),
        instead,
    }
}

const fn deprecated(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    since: u32,
    instead: &'static str,
) -> Retired {
    Retired {
        group,
        version,
        kind,
        deprecated: since,
        removed: None,
        instead: Some(instead),
    }
}

/// The first entry that fits counts.
#[rustfmt::skip]
static RETIRED: [Retired; 41] = [
    deprecated("", "v1", "Endpoints", 33, "`discovery.k8s.io/v1` EndpointSlice"),
    removed("extensions", "v1beta1", "Ingress", (14, 22), "`networking.k8s.io/v1`"),
    removed("extensions", "v1beta1", "NetworkPolicy", (9, 16), "`networking.k8s.io/v1`"),
    removed("extensions", "v1beta1", "PodSecurityPolicy", (10, 16), ""),
    removed("extensions", "v1beta1", "Deployment", (8, 16), "`apps/v1`"),
    removed("extensions", "v1beta1", "DaemonSet", (8, 16), "`apps/v1`"),
    removed("extensions", "v1beta1", "ReplicaSet", (8, 16), "`apps/v1`"),
    removed("apps", "v1beta1", "", (9, 16), "`apps/v1`"),
    removed("apps", "v1beta2", "", (9, 16), "`apps/v1`"),
    removed("admissionregistration.k8s.io", "v1beta1", "MutatingWebhookConfiguration", (16, 22), "`admissionregistration.k8s.io/v1`"),
    removed("admissionregistration.k8s.io", "v1beta1", "ValidatingWebhookConfiguration", (16, 22), "`admissionregistration.k8s.io/v1`"),
    removed("admissionregistration.k8s.io", "v1beta1", "ValidatingAdmissionPolicy", (31, 34), "`admissionregistration.k8s.io/v1`"),
    removed("admissionregistration.k8s.io", "v1beta1", "ValidatingAdmissionPolicyBinding", (31, 34), "`admissionregistration.k8s.io/v1`"),
    removed("apiextensions.k8s.io", "v1beta1", "", (16, 22), "`apiextensions.k8s.io/v1`, with a schema for each version"),
    removed("apiregistration.k8s.io", "v1beta1", "", (19, 22), "`apiregistration.k8s.io/v1`"),
    removed("authentication.k8s.io", "v1beta1", "TokenReview", (19, 22), "`authentication.k8s.io/v1`"),
    removed("authorization.k8s.io", "v1beta1", "", (19, 22), "`authorization.k8s.io/v1`"),
    removed("certificates.k8s.io", "v1beta1", "CertificateSigningRequest", (19, 22), "`certificates.k8s.io/v1`"),
    removed("coordination.k8s.io", "v1beta1", "Lease", (19, 22), "`coordination.k8s.io/v1`"),
    removed("networking.k8s.io", "v1beta1", "Ingress", (19, 22), "`networking.k8s.io/v1`"),
    removed("networking.k8s.io", "v1beta1", "IngressClass", (19, 22), "`networking.k8s.io/v1`"),
    removed("rbac.authorization.k8s.io", "v1alpha1", "", (17, 22), "`rbac.authorization.k8s.io/v1`"),
    removed("rbac.authorization.k8s.io", "v1beta1", "", (17, 22), "`rbac.authorization.k8s.io/v1`"),
    removed("scheduling.k8s.io", "v1beta1", "PriorityClass", (14, 22), "`scheduling.k8s.io/v1`"),
    removed("storage.k8s.io", "v1beta1", "CSIDriver", (19, 22), "`storage.k8s.io/v1`"),
    removed("storage.k8s.io", "v1beta1", "CSINode", (17, 22), "`storage.k8s.io/v1`"),
    removed("storage.k8s.io", "v1beta1", "StorageClass", (19, 22), "`storage.k8s.io/v1`"),
    removed("storage.k8s.io", "v1beta1", "VolumeAttachment", (19, 22), "`storage.k8s.io/v1`"),
    removed("storage.k8s.io", "v1beta1", "CSIStorageCapacity", (24, 27), "`storage.k8s.io/v1`"),
    removed("batch", "v2alpha1", "CronJob", (21, 21), "`batch/v1`"),
    removed("batch", "v1beta1", "CronJob", (21, 25), "`batch/v1`"),
    removed("discovery.k8s.io", "v1beta1", "EndpointSlice", (21, 25), "`discovery.k8s.io/v1`"),
    removed("events.k8s.io", "v1beta1", "Event", (19, 25), "`events.k8s.io/v1`"),
    removed("autoscaling", "v2beta1", "HorizontalPodAutoscaler", (22, 25), "`autoscaling/v2`"),
    removed("autoscaling", "v2beta2", "HorizontalPodAutoscaler", (23, 26), "`autoscaling/v2`"),
    removed("policy", "v1beta1", "PodDisruptionBudget", (21, 25), "`policy/v1`"),
    removed("policy", "v1beta1", "PodSecurityPolicy", (21, 25), ""),
    removed("node.k8s.io", "v1beta1", "RuntimeClass", (22, 25), "`node.k8s.io/v1`"),
    removed("flowcontrol.apiserver.k8s.io", "v1beta1", "", (23, 26), "`flowcontrol.apiserver.k8s.io/v1`"),
    removed("flowcontrol.apiserver.k8s.io", "v1beta2", "", (26, 29), "`flowcontrol.apiserver.k8s.io/v1`"),
    removed("flowcontrol.apiserver.k8s.io", "v1beta3", "", (29, 32), "`flowcontrol.apiserver.k8s.io/v1`"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::Release;

    /// The table and what Kubernetes describes must agree.
    #[test]
    fn what_was_removed_is_not_served_and_what_took_its_place_is() {
        let release = Release::of("v1.37.0");
        for entry in RETIRED.iter().filter(|entry| !entry.kind.is_empty()) {
            let served = release.kind(entry.group, entry.version, entry.kind).is_some();
            assert_eq!(served, entry.removed.is_none(), "{entry:?}");
            let Some(instead) = entry.instead else { continue };
            let api = instead.split('`').nth(1).unwrap();
            let (group, version) = api.split_once('/').unwrap();
            let kind = instead.rsplit_once(' ').map_or(entry.kind, |(_, kind)| kind);
            assert!(release.kind(group, version, kind).is_some(), "{entry:?}");
        }
    }

    #[test]
    fn entries_are_found_by_kind_or_for_a_whole_version() {
        assert_eq!(
            of("extensions", "v1beta1", "Ingress").and_then(|entry| entry.removed),
            Some(22)
        );
        assert_eq!(
            of("apps", "v1beta1", "StatefulSet").and_then(|entry| entry.removed),
            Some(16)
        );
        assert_eq!(of("apps", "v1", "StatefulSet"), None);
        assert_eq!(of("coordination.k8s.io", "v1beta1", "LeaseCandidate"), None);
    }
}
