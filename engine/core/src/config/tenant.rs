//! `Tenant`: what the Apps and Repositories of some namespaces may do, and what they can't do without.
//!
//! Pure: who asks gives what it knows. What a Tenant doesn't speak of is not restricted; where several Tenants have a namespace, all
//! of them count.

mod pattern;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use pattern::{BadPattern, Pattern};

use super::{
    App, DocumentError, Home, Mistake, NotifySpec, RepositorySpec, ValidatorSpec, full_name, notify, parts_of,
    referred, repository,
};
use crate::model::ObjectId;
use pattern::{any, listed};

/// `Tenant.spec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantSpec {
    /// Whose Apps and Repositories it is about.
    pub namespaces: NamespacesSpec,
    /// URLs of git repositories that may be used. `*` stands for anything but `/`, `**` for anything: `https://git.example.com/shop/**`.
    /// Absent = any; `[]` = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repositories: Option<Vec<Pattern>>,
    /// Where Apps may go: one of these has to fit. A folder is no cluster, and fits none. Absent = anywhere; `[]` = nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TenantTarget>>,
    /// Kinds of objects that Apps may have.
    #[serde(default)]
    pub kinds: KindsSpec,
    /// Service accounts that Apps may act as, by patterns; an App has to name one of them. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_accounts: Option<Vec<Pattern>>,
    /// Repositories and Apps of other namespaces that Apps may refer to, by patterns over `NAMESPACE/NAME`: `platform/*`. None but
    /// these.
    #[serde(default)]
    pub references: Vec<Pattern>,
    /// Plugins that serve every App, whatever its Repository says.
    #[serde(default)]
    pub required: RequiredSpec,
}

/// `Tenant.spec.namespaces`: those that one of the two fits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespacesSpec {
    /// Names, or patterns such as `shop-*`.
    #[serde(default)]
    pub names: Vec<Pattern>,
    /// Labels of Namespace objects, all of which have to be there. Not in a configuration file, which has no Namespace objects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
}

/// `Tenant.spec.targets[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TenantTarget {
    /// Name of a Cluster, `in-cluster`, or a pattern.
    pub cluster: Pattern,
    /// Namespaces there, by patterns, of all objects. Absent = any, and objects without a namespace too; `[]` = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<Pattern>>,
}

/// `Tenant.spec.kinds`: patterns over `Kind.group`, or `Kind` in the core group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KindsSpec {
    /// Only these: `ConfigMap`, `Deployment.apps`, `*.batch`. Absent = any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<Vec<Pattern>>,
    /// None of these, whatever else is said: `*.rbac.authorization.k8s.io`.
    #[serde(default)]
    pub deny: Vec<Pattern>,
}

/// `Tenant.spec.required`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequiredSpec {
    /// Validators that check every App first, with this config, whatever a Repository says of them.
    #[serde(default)]
    pub validators: Vec<ValidatorSpec>,
    /// Notifiers that are told of every App, beside those of a Repository. Their files and Secrets are the operator's: a `secretRef`
    /// is of the namespace that the engine runs in.
    #[serde(default)]
    pub notify: Vec<NotifySpec>,
}

/// Checks what its types don't.
pub(super) fn check(spec: &TenantSpec, home: Home) -> Result<(), Mistake> {
    let namespaces = &spec.namespaces;
    if namespaces.names.is_empty() && namespaces.match_labels.is_empty() {
        return Err((
            "/spec/namespaces".to_owned(),
            format!("spec.namespaces: {NO_NAMESPACE}"),
        ));
    }
    super::secret::only_in_clusters(
        home,
        &[super::secret::Bound {
            pointer: "/spec/namespaces/matchLabels",
            given: !namespaces.match_labels.is_empty(),
            instead: "write `names`",
        }],
    )?;
    repository::distinct(&spec.required.validators, "spec.required.validators")?;
    // An operator wrote it, and may name files wherever it stands; Secrets are in clusters only.
    let home = (home == Home::File).then_some(home);
    notify::check(&spec.required.notify, "spec.required.notify", home)
}

/// Of a Tenant for nobody, for people.
pub(crate) const NO_NAMESPACE: &str = "give `names` or `matchLabels`, or the Tenant is about nobody";

impl TenantSpec {
    /// What counts where nobody knows whom a Tenant binds, and to what: it binds everybody, to nothing.
    #[must_use]
    pub fn closed() -> Self {
        Self {
            namespaces: NamespacesSpec {
                names: Pattern::try_from("*".to_owned()).into_iter().collect(),
                ..NamespacesSpec::default()
            },
            repositories: Some(Vec::new()),
            targets: Some(Vec::new()),
            kinds: KindsSpec::default(),
            service_accounts: None,
            references: Vec::new(),
            required: RequiredSpec::default(),
        }
    }

    /// Whether it is about the Apps and Repositories of a namespace. `labels`: of the Namespace object.
    #[must_use]
    pub fn has(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        let wanted = &self.namespaces.match_labels;
        let is_labelled = !wanted.is_empty() && wanted.iter().all(|(key, value)| labels.get(key) == Some(value));
        is_labelled || any(&self.namespaces.names, namespace)
    }

    /// Whether a Repository may be what it is. `tenant`: this one's name, `repository`: that one's.
    ///
    /// # Errors
    /// When its URL is none of those that are allowed.
    pub fn permit_repository(
        &self,
        tenant: &str,
        repository: &str,
        spec: &RepositorySpec,
    ) -> Result<(), DocumentError> {
        let Some(allowed) = &self.repositories else {
            return Ok(());
        };
        if is_comparable(&spec.git.url) && any(allowed, &spec.git.url) {
            return Ok(());
        }
        Err(DocumentError {
            pointer: "/spec/git/url".to_owned(),
            message: format!(
                "Repository `{repository}`: spec.git.url: Tenant `{tenant}` does not allow `{}`",
                spec.git.url
            ),
            help: Some(listed("allowed are", allowed)),
        })
    }

    /// Whether an App may go where it wants, as whom it wants. `tenant`: this one's name.
    ///
    /// # Errors
    /// With the first that it may not.
    pub fn permit_app(&self, tenant: &str, app: &App) -> Result<(), DocumentError> {
        let target = &app.spec.target;
        let refuse = |field: &str, what: String, help| {
            Err(DocumentError {
                pointer: format!("/spec/target{field}"),
                message: format!(
                    "App `{}`: spec.target: Tenant `{tenant}` does not allow {what}",
                    app.id()
                ),
                help: Some(help),
            })
        };
        if let Some(targets) = &self.targets {
            let clusters: Vec<Pattern> = targets.iter().map(|target| target.cluster.clone()).collect();
            let Some(cluster) = &target.cluster else {
                return refuse("", "a folder".to_owned(), listed("name one of the clusters", &clusters));
            };
            if !any(&clusters, cluster) {
                return refuse(
                    "/cluster",
                    format!("cluster `{cluster}`"),
                    listed("allowed are", &clusters),
                );
            }
            // Without a namespace of its own, its objects say where they go.
            let namespace = target.namespace.as_str();
            if !namespace.is_empty() && !self.reaches(cluster, namespace) {
                let namespaces = self.namespaces_of(cluster);
                return refuse(
                    "/namespace",
                    format!("namespace `{namespace}` of cluster `{cluster}`"),
                    listed("allowed are", &namespaces),
                );
            }
        }
        if let (Some(allowed), Some(_)) = (&self.service_accounts, &target.cluster) {
            let help = listed("allowed are", allowed);
            match &target.service_account_name {
                Some(name) if any(allowed, name) => {}
                Some(name) => return refuse("/serviceAccountName", format!("service account `{name}`"), help),
                None => return refuse("", "an App without `serviceAccountName`".to_owned(), help),
            }
        }
        Ok(())
    }

    /// Why an App on a cluster may not have an object; `None` = it may. `id`: with the namespace that it is applied to, "" where its kind
    /// has none.
    #[must_use]
    pub fn refuse_object(&self, tenant: &str, cluster: &str, id: &ObjectId) -> Option<String> {
        let kind = id.group_kind();
        let is_listed = self.kinds.allow.as_ref().is_none_or(|allowed| any(allowed, &kind));
        if !is_listed || any(&self.kinds.deny, &kind) {
            return Some(format!("Tenant `{tenant}` does not allow objects of kind `{kind}`"));
        }
        (!self.reaches(cluster, &id.namespace)).then(|| {
            if id.namespace.is_empty() {
                format!("Tenant `{tenant}` does not allow objects without a namespace on cluster `{cluster}`")
            } else {
                format!(
                    "Tenant `{tenant}` does not allow objects in namespace `{}` of cluster `{cluster}`",
                    id.namespace
                )
            }
        })
    }

    /// Whether objects may go to a namespace of a cluster; "" = objects without one.
    fn reaches(&self, cluster: &str, namespace: &str) -> bool {
        let Some(targets) = &self.targets else { return true };
        targets
            .iter()
            .filter(|target| target.cluster.fits(cluster))
            .any(|target| {
                let namespaces = target.namespaces.as_ref();
                namespaces.is_none_or(|namespaces| !namespace.is_empty() && any(namespaces, namespace))
            })
    }

    fn namespaces_of(&self, cluster: &str) -> Vec<Pattern> {
        let targets = self
            .targets
            .iter()
            .flatten()
            .filter(|target| target.cluster.fits(cluster));
        targets
            .flat_map(|target| target.namespaces.clone().unwrap_or_default())
            .collect()
    }
}

/// Whether an App refers to nothing of other namespaces but what one of its Tenants grants.
///
/// # Errors
/// With the first that none of them does.
pub fn permit_references<'t>(
    app: &App,
    tenants: impl Iterator<Item = &'t TenantSpec> + Clone,
) -> Result<(), DocumentError> {
    let of_app = |(index, id): (usize, String)| (format!("/spec/dependsOn/{index}/app"), "App", id);
    let needed = app.spec.depends_on.iter().enumerate();
    let needed = needed.filter_map(|(index, one)| Some((index, referred(one.app.as_deref()?, &app.namespace))));
    let repository = ("/spec/repository".to_owned(), "Repository", app.repository().to_owned());
    for (pointer, kind, id) in std::iter::once(repository).chain(needed.map(of_app)) {
        let (namespace, name) = parts_of(&id);
        let whole = full_name(namespace, name);
        let mut granted = tenants.clone().flat_map(|spec| &spec.references);
        if namespace != app.namespace && !granted.any(|pattern| pattern.fits(&whole)) {
            return Err(DocumentError {
                message: format!(
                    "App `{}`: {kind} `{whole}` is of another namespace, and no Tenant grants it",
                    app.id()
                ),
                help: Some(format!(
                    "ask who runs Windlass to add `{whole}` to `spec.references` of a Tenant that has namespace `{}`",
                    app.namespace
                )),
                pointer,
            });
        }
    }
    Ok(())
}

/// Who checks an App of some Tenants: those that they require, then those that its Repository asks for, `own`. One that is required is
/// what the Tenant says, whatever the Repository says of it.
#[must_use]
pub fn checked_by<'t>(
    tenants: impl IntoIterator<Item = &'t TenantSpec>,
    own: Vec<ValidatorSpec>,
) -> Vec<ValidatorSpec> {
    let mut all: Vec<ValidatorSpec> = Vec::new();
    for validator in tenants.into_iter().flat_map(|spec| &spec.required.validators) {
        if !all.contains(validator) {
            all.push(validator.clone());
        }
    }
    let is_required = |one: &ValidatorSpec| all.iter().any(|required| required.name == one.name);
    let others: Vec<ValidatorSpec> = own.into_iter().filter(|one| !is_required(one)).collect();
    all.extend(others);
    all
}

/// Whether a URL means what it looks like. With a login, a query or dots in its path, a server may answer from elsewhere than the
/// pattern says.
fn is_comparable(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let is_web = url.starts_with("http");
    let is_odd = rest.contains(['?', '#', '%', '\\']) || is_web && rest.contains('@');
    !is_odd && rest.split(['/', ':']).all(|step| step != ".." && step != ".")
}

#[cfg(test)]
mod tests;
