//! A version beside the one that serves, over every App that uses it.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tokio::time::Instant;
use windlass_core::{
    config::App,
    manifest::Desired,
    rollout::{Differing, FORMAT, Waiting},
};
use windlass_source::Revision;

use super::{Compared, REVIEW, Rival, Step, lock, warning};
use crate::{
    clock,
    engine::{Engine, blocking},
    render,
    stop::Stop,
    travel,
};

/// Apps compared at a time: what renders is as wide as the cores anyway, and others render too.
const WIDTH: usize = 2;

/// Whether a version comes to the same as who serves, for all Apps. If it doesn't, it waits from now on.
pub(super) async fn is_equal(engine: &Arc<Engine>, label: &str, rivals: &[Rival], step: &mut Step) -> bool {
    let revisions = revisions(engine).await;
    let compared = Compared {
        digests: rivals
            .iter()
            .map(|rival| (rival.choice.clone(), rival.digest, rival.next.digest()))
            .collect(),
        roots: revisions
            .iter()
            .map(|(app, revision)| (app.clone(), revision.as_ref().ok().map(|revision| revision.root)))
            .collect(),
        configuration: *engine.configurations().borrow(),
    };
    step.again(Instant::now() + REVIEW);
    if lock(&engine.supplies().compared).get(label) == Some(&compared) {
        return false;
    }
    let config = engine.config();
    let apps = config
        .apps
        .iter()
        .chain(&config.aside.apps)
        .filter_map(|(id, app)| Some((id, app, revisions.get(id)?)));
    let looks: Vec<BoxFuture<'_, Option<Option<Differing>>>> = apps
        .map(|(id, app, revision)| look(engine, id, app, revision, rivals).boxed())
        .collect();
    let looked: Vec<Option<Option<Differing>>> = stream::iter(looks).buffered(WIDTH).collect().await;
    let looked: Vec<Option<Differing>> = looked.into_iter().flatten().collect();
    let (number, apps) = (looked.len(), looked.into_iter().flatten().collect::<Vec<Differing>>());
    if apps.is_empty() {
        return true;
    }
    let Some(digest) = rivals.first().map(|rival| rival.next.digest()) else {
        return false;
    };
    let before = engine.desk().rollouts().waiting().remove(label);
    let before = before.filter(|waiting| waiting.digest == digest);
    let waiting = Waiting {
        format: FORMAT,
        digest,
        since: before.map_or_else(clock::now, |waiting| waiting.since),
        compared: number,
        apps,
    };
    let message = format!("plugin {label} waits for approval: {}", waiting.words());
    let help = format!("`windlass plugin diff` shows what differs, `windlass plugin approve {label}` lets it serve");
    engine
        .supplies()
        .tell(label, warning("plugin-waits", message, help), step);
    let (desk, of) = (Arc::clone(engine.desk()), label.to_owned());
    match blocking(move || desk.rollouts().wait(&of, Some(waiting))).await {
        Ok(Ok(())) => {
            lock(&engine.supplies().compared).insert(label.to_owned(), compared);
        }
        Ok(Err(error)) => step.told.extend(Stop::from(error).diagnostics),
        Err(stop) => step.told.extend(stop.diagnostics),
    }
    false
}

/// Of each App, by its name in the configuration.
async fn revisions(engine: &Engine) -> BTreeMap<String, Result<Revision, String>> {
    let config = engine.config();
    let mut of_repositories: BTreeMap<&str, Result<Revision, String>> = BTreeMap::new();
    for app in config.apps.values().chain(config.aside.apps.values()) {
        let repository = app.repository();
        if !of_repositories.contains_key(repository) {
            let revision = engine.sources().resolve(repository).await.map_err(|stop| first(&stop));
            of_repositories.insert(repository, revision);
        }
    }
    let of = |(id, app): (&String, &App)| Some((id.clone(), of_repositories.get(app.repository())?.clone()));
    config.apps.iter().chain(&config.aside.apps).filter_map(of).collect()
}

/// `None`: the App has nothing to do with it. `Some(None)`: the same.
async fn look(
    engine: &Arc<Engine>,
    id: &str,
    app: &App,
    revision: &Result<Revision, String>,
    rivals: &[Rival],
) -> Option<Option<Differing>> {
    let differing = |serves: &str, objects, failed: Option<String>| {
        Some(Some(Differing {
            app: id.to_owned(),
            serves: serves.to_owned(),
            objects,
            failed,
        }))
    };
    let (plugins, config) = (engine.plugins(), engine.config());
    let revision = match revision {
        Ok(revision) => revision,
        // Which plugin it asks for stands in a folder that nobody sees.
        Err(why) => return differing("", 0, Some(format!("it can't be compared: {why}"))),
    };
    let choice = render::choice(&config, &plugins, app, &revision.tree("")).ok()?;
    let rival = rivals.iter().find(|rival| rival.choice == choice)?;
    match both(engine, app, revision, rival).await {
        Err(why) => differing(&rival.label, 0, Some(format!("it can't be compared: {why}"))),
        Ok((Err(_), Err(_))) => Some(None),
        Ok((Ok(_), Err(stop))) => differing(&rival.label, 0, Some(format!("it would fail: {}", first(&stop)))),
        Ok((Err(_), Ok(after))) => differing(&rival.label, after.objects.len() + after.hooks.len(), None),
        Ok((Ok(before), Ok(after))) => match travel::compare(&before, &after).previews.len() {
            0 => Some(None),
            objects => differing(&rival.label, objects, None),
        },
    }
}

type Rendered = Result<Arc<Desired>, Stop>;

/// What an App is and what it would be: told the same time, and the same of its target.
async fn both(
    engine: &Arc<Engine>,
    app: &App,
    revision: &Revision,
    rival: &Rival,
) -> Result<(Rendered, Rendered), String> {
    let Some(serves) = &rival.serves else {
        return Err(format!("{} is lost from the cache", rival.label));
    };
    let _room = engine.room(app).await;
    let (target, facts) = engine.target(app).await.map_err(|stop| first(&stop))?;
    let inventory = engine.inventory(&engine.key(app, target.as_ref())).await;
    let inventory = inventory.map_err(|stop| first(&stop))?;
    let (plugins, told) = (engine.plugins(), (&facts, inventory.clock.as_ref()));
    let before = render::by(engine, &plugins, serves, app, revision, told).await;
    let after = render::by(engine, &plugins, &rival.next, app, revision, told).await;
    Ok((before, after))
}

fn first(stop: &Stop) -> String {
    let first = stop.diagnostics.first();
    first.map_or_else(String::new, |diagnostic| diagnostic.message.clone())
}
