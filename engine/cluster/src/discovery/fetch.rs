//! The questions and what is read of their answers.

use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use windlass_core::model::group_version;

use super::snapshot::{Served, ServedVersion};
use crate::{
    call::{Call, CallError},
    connect::Connection,
    identity::Actor,
    requests::Verb,
    resource::Resource,
};

/// All groups in one answer, in the newest form that the server knows.
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
     application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// Versions of groups asked for at a time where there is no aggregated discovery.
const PARALLEL: usize = 8;

/// Answers of the last time with their tags.
#[derive(Debug, Default)]
pub(super) struct Known {
    core: Option<Tagged>,
    groups: Option<Tagged>,
}

#[derive(Debug)]
struct Tagged {
    etag: HeaderValue,
    versions: Vec<ServedVersion>,
}

/// Asks for everything.
pub(super) async fn all(connection: &Connection, known: &mut Known) -> Result<Served, CallError> {
    let (version, core, groups) = tokio::try_join!(
        kube_version(connection),
        versions(connection, "/api", &mut known.core),
        versions(connection, "/apis", &mut known.groups),
    )?;
    Ok(Served {
        kube_version: version,
        versions: core.into_iter().chain(groups).collect(),
    })
}

async fn kube_version(connection: &Connection) -> Result<String, CallError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        git_version: String,
    }
    let call = Call::get(Verb::Discover, "/version", "/version".to_owned());
    let version: Version = connection.call(&Actor::Own, &call).await?.json()?;
    Ok(version.git_version)
}

async fn versions(
    connection: &Connection,
    path: &str,
    known: &mut Option<Tagged>,
) -> Result<Vec<ServedVersion>, CallError> {
    let mut call = Call::get(Verb::Discover, path, path.to_owned());
    call.accept = AGGREGATED;
    call.known = known.as_ref().map(|known| known.etag.clone());
    let answer = connection.call(&Actor::Own, &call).await?;
    if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.code, known.as_ref()) {
        return Ok(known.versions.clone());
    }
    let versions = match answer.json::<Index>()? {
        Index::Aggregated { items } => items.into_iter().flat_map(Group::versions).collect(),
        Index::Core { versions } => {
            let names = versions.into_iter().map(|version| (String::new(), version)).collect();
            one_by_one(connection, names).await?
        }
        Index::Groups { groups } => {
            one_by_one(connection, groups.into_iter().flat_map(OldGroup::names).collect()).await?
        }
    };
    *known = answer.etag.map(|etag| Tagged {
        etag,
        versions: versions.clone(),
    });
    Ok(versions)
}

/// One request a version of a group. One that is down is unknown; any other failure is one of all.
async fn one_by_one(connection: &Connection, names: Vec<(String, String)>) -> Result<Vec<ServedVersion>, CallError> {
    let asked = names.into_iter().map(|(group, version)| async move {
        let path = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let call = Call::get(Verb::Discover, &path, path.clone());
        let resources = match connection.call(&Actor::Own, &call).await {
            Ok(answer) => Some(answer.json::<OldResources>()?.resources(&group, &version)),
            // 404 too: the group is listed, so its server is on its way up or down.
            Err(error) if matches!(error.code(), Some(404 | 500..=599)) => None,
            Err(error) => return Err(error),
        };
        Ok(ServedVersion {
            is_current: resources.is_some(),
            resources: resources.unwrap_or_default(),
            group,
            version,
        })
    });
    stream::iter(asked).buffered(PARALLEL).try_collect().await
}

/// What `/api` and `/apis` answer.
#[derive(Deserialize)]
#[serde(tag = "kind")]
enum Index {
    #[serde(rename = "APIGroupDiscoveryList")]
    Aggregated { items: Vec<Group> },
    #[serde(rename = "APIVersions")]
    Core { versions: Vec<String> },
    #[serde(rename = "APIGroupList")]
    Groups { groups: Vec<OldGroup> },
}

#[derive(Deserialize)]
struct Group {
    #[serde(default)]
    metadata: Name,
    #[serde(default)]
    versions: Vec<GroupVersion>,
}

#[derive(Deserialize, Default)]
struct Name {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct GroupVersion {
    version: String,
    #[serde(default)]
    resources: Vec<GroupResource>,
    #[serde(default)]
    freshness: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupResource {
    resource: String,
    #[serde(default)]
    response_kind: ResponseKind,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseKind {
    kind: String,
}

impl Group {
    fn versions(self) -> impl Iterator<Item = ServedVersion> {
        let group = self.metadata.name;
        self.versions.into_iter().map(move |version| ServedVersion {
            is_current: version.freshness != "Stale",
            resources: version
                .resources
                .into_iter()
                // What can't be read and named is no object: `bindings`, `tokenreviews`.
                .filter(|r| !r.response_kind.kind.is_empty() && r.verbs.iter().any(|verb| verb == "get"))
                .map(|r| Resource {
                    group: group.clone(),
                    version: version.version.clone(),
                    kind: r.response_kind.kind,
                    plural: r.resource,
                    namespaced: r.scope == "Namespaced",
                })
                .collect(),
            group: group.clone(),
            version: version.version,
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldGroup {
    #[serde(default)]
    versions: Vec<OldVersion>,
    preferred_version: Option<OldVersion>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldVersion {
    group_version: String,
}

impl OldGroup {
    /// Group and version, the preferred one first.
    fn names(self) -> Vec<(String, String)> {
        let preferred = self.preferred_version.map(|preferred| preferred.group_version);
        let mut versions: Vec<String> = self.versions.into_iter().map(|v| v.group_version).collect();
        versions.sort_by_key(|version| Some(version) != preferred.as_ref());
        let name = |version: &String| {
            let (group, version) = group_version(version);
            (group.to_owned(), version.to_owned())
        };
        versions.iter().map(name).collect()
    }
}

#[derive(Deserialize)]
struct OldResources {
    #[serde(default)]
    resources: Vec<OldResource>,
}

#[derive(Deserialize)]
struct OldResource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

impl OldResources {
    fn resources(self, group: &str, version: &str) -> Vec<Resource> {
        self.resources
            .into_iter()
            // `deployments/status` is no kind of its own.
            .filter(|r| !r.name.contains('/') && r.verbs.iter().any(|verb| verb == "get"))
            .map(|r| Resource {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: r.kind,
                plural: r.name,
                namespaced: r.namespaced,
            })
            .collect()
    }
}
