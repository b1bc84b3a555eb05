//! Answers to the questions of `ask`, out of the objects of a cluster, or by the engine that keeps them.

use windlass_core::{config::full_name, ledger::Ledger, status::RequestOutcome};

use super::{
    failure::Failure,
    site::{Remote, Site, newest},
};
use crate::control::{self, Asked, Request, Response};

/// Asks. `actor`: in whose name somebody says that they act.
///
/// # Errors
/// When nobody answers, or what is asked can't be done.
pub(super) async fn ask(remote: Remote<'_>, request: &Request, actor: Option<&str>) -> Result<Response, Failure> {
    let site = remote.context.connect().await?.within(remote.namespace);
    match request {
        Request::History { app } => {
            let (app, ledger) = of(&site, app).await?;
            let kept = newest(&ledger);
            Ok(Response::History {
                app,
                target: kept.map(|kept| target(&kept.key)).unwrap_or_default(),
                entries: kept.map(|kept| kept.history.clone()).unwrap_or_default(),
            })
        }
        Request::Approve { app, plan: None, .. } => {
            let (app, ledger) = of(&site, app).await?;
            let waiting = newest(&ledger).and_then(|kept| kept.decisions.as_ref()?.waiting.clone());
            // What waits to be applied for the first time has no history.
            let waiting = waiting.or_else(|| {
                let mut decisions = ledger.targets.iter().filter_map(|kept| kept.decisions.as_ref());
                decisions.find_map(|decisions| decisions.waiting.clone())
            });
            Ok(Response::Plan {
                app,
                plan: waiting.map(Box::new),
            })
        }
        Request::Why { kind, name, namespace } => why(&site, [kind, name], namespace.as_deref()).await,
        Request::Rollback { app, .. }
        | Request::Suspend { app, .. }
        | Request::Resume { app }
        | Request::Approve { app, .. } => {
            let (namespace, name) = site.parts(app);
            let asked = Asked::Decide(in_the_name_of(&site, request, actor).await);
            let outcome = site
                .request(("App", namespace, name), asked, Some(remote.timeout))
                .await?;
            decided(full_name(namespace, name), outcome)
        }
        Request::ApprovePlugin { plugin, .. } => {
            let name = plugin.split('@').next().unwrap_or_default();
            let asked = Asked::Decide(in_the_name_of(&site, request, actor).await);
            let outcome = site.request(("Plugin", "", name), asked, Some(remote.timeout)).await?;
            decided(plugin.clone(), outcome)
        }
        Request::Plugins => Err(Failure::failed(
            "a cluster is asked for its Plugins with `windlass get plugins`",
        )),
    }
}

/// An App, as `namespace/name`, and what is kept of it.
async fn of(site: &Site, app: &str) -> Result<(String, Ledger), Failure> {
    let (namespace, name) = site.parts(app);
    let ledger = match site.ledger(namespace, name).await? {
        Some(ledger) => ledger,
        None => {
            site.app(app).await?;
            Ledger::default()
        }
    };
    Ok((full_name(namespace, name), ledger))
}

fn target(key: &str) -> String {
    key.rsplit_once('|').map_or("", |(target, _)| target).to_owned()
}

/// The user's own name where the API server says it.
async fn in_the_name_of(site: &Site, request: &Request, named: Option<&str>) -> Request {
    let mut request = request.clone();
    if let Request::Rollback { actor, .. }
    | Request::Suspend { actor, .. }
    | Request::Approve { actor, .. }
    | Request::ApprovePlugin { actor, .. } = &mut request
        && let Some(user) = site.whoami().await
    {
        *actor = match named {
            Some(named) => format!("{named} ({user})"),
            None => user,
        };
    }
    request
}

fn decided(app: String, outcome: RequestOutcome) -> Result<Response, Failure> {
    Ok(match outcome.refusal {
        Some(message) => Response::Refused {
            message,
            help: outcome.help,
        },
        None => Response::Decided {
            app,
            messages: outcome.messages,
            at_once: true,
        },
    })
}

/// From all namespaces, or those of one where the user may see no more.
async fn why(site: &Site, [kind, name]: [&str; 2], namespace: Option<&str>) -> Result<Response, Failure> {
    let inventories = match site.list("Inventory", "").await {
        Ok(inventories) => inventories,
        Err(everywhere) => {
            let here = namespace.unwrap_or(&site.namespace);
            site.list("Inventory", here).await.map_err(|_| everywhere)?
        }
    };
    let mut ledgers = Vec::new();
    for object in &inventories {
        if object.pointer("/spec/piece").is_some() {
            continue;
        }
        let part = |at| {
            object
                .pointer(at)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
        };
        ledgers.push(
            site.read(part("/metadata/namespace"), part("/metadata/name"), object)
                .await?,
        );
    }
    Ok(control::why_in(&ledgers, [kind, name], namespace))
}
