//! What is written down is delivered: to each receiver an App's events in their order, tried again until it has them.
//!
//! A receiver that is down is left alone as a whole, whatever Apps have to tell it; nobody else waits for it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use windlass_core::{
    config::{NotifySpec, id_of, parts_of},
    event::Event,
    outbox::{Entry, KEPT, MOST_WAITING, pause},
    render::{Diagnostic, Location, Severity},
};
use windlass_host::{
    Notified, Tenant,
    http::{Secrets, Sender},
};
use windlass_source::git::Tls;

use super::{KUBERNETES, app_of, events, key_of};
use crate::{
    clock,
    engine::{Engine, blocking},
    fault,
    notify::Notifier,
    outgoing::Wire,
    run, secrets,
    stop::chain,
};

/// Calls under way for one receiver: a chat takes a message a second, and a hundred Apps fail at once.
const AT_ONCE: usize = 4;

/// What couldn't be written is tried again after this: the disk was full.
const AGAIN: Duration = Duration::from_secs(5);

/// A receiver: its repository ("" for clusters) and name.
type To = (String, String);

/// What came of an attempt.
enum Done {
    Told,
    /// Later: after so long, where the receiver says; and why.
    Later(Option<Duration>, String),
    /// Never, and why.
    Refused(Diagnostic),
}

/// Who delivers.
pub(crate) struct Post {
    engine: Arc<Engine>,
    sender: Option<Arc<dyn Sender>>,
    entries: BTreeMap<String, Entry>,
    /// By receiver and App, numbers of the events that it is to have, in order.
    queues: BTreeMap<To, BTreeMap<String, BTreeSet<u64>>>,
    /// Receivers that are left alone.
    pauses: BTreeMap<To, Pause>,
    under_way: BTreeSet<(To, String)>,
    calls: JoinSet<(To, String, Done)>,
    /// Struck out, or tried in vain; to be written.
    changed: BTreeSet<String>,
}

struct Pause {
    until: Instant,
    /// Attempts in vain in a row.
    attempts: u32,
}

/// Delivers until `stop`; what is under way then is finished, and what is left is kept.
pub(crate) async fn deliver(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    let mut post = Post::new(engine);
    post.check().await;
    loop {
        if post.engine.outbox().are_others.swap(false, Ordering::Relaxed) {
            post.sender = sender(&post.engine);
            post.check().await;
        }
        let next = post.round().await;
        tokio::select! {
            () = post.engine.outbox().news.notified() => {}
            Some(done) = post.calls.join_next() => post.done(done),
            () = sleep_until(next) => {}
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    post.finish().await;
}

/// Writes down what was noted. `false`: it couldn't be, and is tried again with the next.
pub(crate) async fn write_down(engine: &Engine) -> bool {
    let written = engine.outbox().write().await;
    if let Err(error) = &written {
        tracing::error!(error = chain(error), "what is to be told can't be written down");
    }
    written.is_ok()
}

/// Delivers what is there, for at most so long; what is left is kept for the next run.
pub(crate) async fn flush_for(engine: &Arc<Engine>, within: Duration) {
    let mut post = Post::new(Arc::clone(engine));
    post.check().await;
    let all = async {
        post.round().await;
        while let Some(done) = post.calls.join_next().await {
            post.done(done);
            post.round().await;
        }
    };
    // What is under way at the end is told again, under the same key.
    let _ = timeout(within, all).await;
    post.write().await;
}

/// Who carries requests. The system's authorities are read for those only who tell somebody.
fn sender(engine: &Engine) -> Option<Arc<dyn Sender>> {
    let is_bound = engine.outbox().bindings.get().is_anybody_bound();
    let wire = is_bound.then(|| Wire::new(&Tls::default())).transpose();
    let wire = wire.unwrap_or_else(|error| {
        tracing::error!(error = chain(&error), "no notifier can reach anybody");
        None
    });
    wire.map(|wire| Arc::new(wire) as Arc<dyn Sender>)
}

impl Post {
    fn new(engine: Arc<Engine>) -> Self {
        Self {
            sender: sender(&engine),
            engine,
            entries: BTreeMap::new(),
            queues: BTreeMap::new(),
            pauses: BTreeMap::new(),
            under_way: BTreeSet::new(),
            calls: JoinSet::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Tells of bindings that can't work, before there is something to be told.
    async fn check(&self) {
        for (to, spec) in self.engine.outbox().bindings.get().all() {
            let failed = open(&self.engine, (&to.0, &spec), self.sender.clone()).await.err();
            for diagnostic in failed.into_iter().flatten() {
                self.tell(&to, None, diagnostic);
            }
        }
    }

    /// Writes down, takes up and begins what can be begun. Answers when it is to be called again at the latest.
    async fn round(&mut self) -> Instant {
        let mut next = Instant::now() + KEPT;
        if !write_down(&self.engine).await {
            next = Instant::now() + AGAIN;
        }
        self.take_up();
        self.write().await;
        self.begin().min(next)
    }

    fn take_up(&mut self) {
        let ready = std::mem::take(&mut self.engine.outbox().noted().ready);
        for (key, mut entry) in ready {
            let app = app_of(&key).to_owned();
            let known = |name: &String| self.engine.outbox().is_bound(&entry.event.repository, name);
            let gone: Vec<String> = entry.left.keys().filter(|name| !known(name)).cloned().collect();
            for name in gone {
                entry.left.remove(&name);
                self.changed.insert(key.clone());
            }
            for name in entry.left.keys() {
                let to = (entry.event.repository.clone(), name.clone());
                let queue = self.queues.entry(to).or_default().entry(app.clone()).or_default();
                queue.insert(entry.event.occurrence);
            }
            self.entries.insert(key, entry);
        }
        self.drop_old();
    }

    /// Drops what nobody wants to hear any more, and what there is too much of.
    fn drop_old(&mut self) {
        let now = clock::now().seconds;
        let mut old = Vec::new();
        for (to, apps) in &self.queues {
            for (app, numbers) in apps {
                let too_many = numbers.len().saturating_sub(MOST_WAITING);
                for (position, number) in numbers.iter().enumerate() {
                    let is_under_way = position == 0 && self.under_way.contains(&(to.clone(), app.clone()));
                    let at = self
                        .entries
                        .get(&key_of(app, *number))
                        .map(|entry| entry.event.at.seconds);
                    let is_old = at.is_none_or(|at| now.saturating_sub(at) > KEPT.as_secs().cast_signed());
                    if !is_under_way && (position < too_many || is_old) {
                        old.push((to.clone(), app.clone(), *number));
                    }
                }
            }
        }
        for (to, app, number) in old {
            let message = format!("event {number} of {app} is dropped: the receiver could not be told in time");
            self.tell(&to, Some(&app), Diagnostic::error("not-told", message, Location::None));
            self.strike_out(&to, &app, number);
        }
    }

    fn begin(&mut self) -> Instant {
        let now = Instant::now();
        let mut next = now + KEPT;
        let mut begun = Vec::new();
        for (to, apps) in &self.queues {
            if apps.is_empty() {
                continue;
            }
            if let Some(pause) = self.pauses.get(to).filter(|pause| pause.until > now) {
                next = next.min(pause.until);
                continue;
            }
            // One that was down is tried with one event.
            let width = if self.pauses.contains_key(to) { 1 } else { AT_ONCE };
            let busy = self.under_way.iter().filter(|(known, _)| known == to).count();
            let idle = apps
                .iter()
                .filter(|(app, _)| !self.under_way.contains(&(to.clone(), (*app).clone())));
            for (app, numbers) in idle.take(width.saturating_sub(busy)) {
                begun.extend(numbers.first().map(|number| (to.clone(), app.clone(), *number)));
            }
        }
        for (to, app, number) in begun {
            let Some(entry) = self.entries.get(&key_of(&app, number)) else {
                self.strike_out(&to, &app, number);
                continue;
            };
            let attempts = entry.left.get(&to.1).map_or(0, |left| left.attempts);
            let (engine, sender, event) = (Arc::clone(&self.engine), self.sender.clone(), entry.event.clone());
            self.under_way.insert((to.clone(), app.clone()));
            self.calls.spawn(async move {
                let done = attempt(&engine, sender, &to, &event, attempts + 1).await;
                (to, app, done)
            });
        }
        next
    }

    /// What came of a call; struck out with the next write.
    fn done(&mut self, joined: Result<(To, String, Done), tokio::task::JoinError>) {
        let Ok((to, app, done)) = joined else { return };
        fault::point("outbox: a call ended");
        self.under_way.remove(&(to.clone(), app.clone()));
        let first = self.queues.get(&to).and_then(|apps| apps.get(&app)?.first().copied());
        let Some(number) = first else { return };
        match done {
            Done::Told => {
                self.pauses.remove(&to);
                self.strike_out(&to, &app, number);
            }
            Done::Later(wish, why) => {
                let key = key_of(&app, number);
                let attempts = self.entries.get_mut(&key).and_then(|entry| {
                    let left = entry.left.get_mut(&to.1)?;
                    left.attempts += 1;
                    Some(left.attempts)
                });
                self.changed.insert(key);
                let known = self.pauses.get(&to).map_or(0, |pause| pause.attempts);
                let attempts = (known + 1).max(attempts.unwrap_or_default());
                let wait = pause(attempts, wish);
                if attempts == 1 {
                    let message = format!("{why}; it is tried again");
                    let told = Diagnostic::error("not-told-yet", message, Location::None);
                    self.tell(&to, Some(&app), told.with_severity(Severity::Warning));
                }
                tracing::debug!(receiver = to.1, %app, why, ?wait, "the receiver could not be told");
                let until = Instant::now() + wait;
                self.pauses.insert(to, Pause { until, attempts });
            }
            Done::Refused(diagnostic) => {
                self.tell(&to, Some(&app), diagnostic);
                self.strike_out(&to, &app, number);
            }
        }
    }

    fn strike_out(&mut self, to: &To, app: &str, number: u64) {
        if let Some(apps) = self.queues.get_mut(to)
            && let Some(numbers) = apps.get_mut(app)
        {
            numbers.remove(&number);
            if numbers.is_empty() {
                apps.remove(app);
            }
        }
        let key = key_of(app, number);
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.left.remove(&to.1);
        }
        self.changed.insert(key);
    }

    /// Writes down how far everything came.
    async fn write(&mut self) {
        if self.changed.is_empty() {
            return;
        }
        let changed: BTreeMap<String, Option<Entry>> = std::mem::take(&mut self.changed)
            .into_iter()
            .map(|key| {
                let entry = self.entries.get(&key).filter(|entry| !entry.left.is_empty()).cloned();
                (key, entry)
            })
            .collect();
        for (key, entry) in &changed {
            if entry.is_none() {
                self.entries.remove(key);
            }
        }
        let inventories = Arc::clone(self.engine.inventories());
        let (keys, written) = {
            let keys: Vec<String> = changed.keys().cloned().collect();
            let _turn = self.engine.outbox().writing.lock().await;
            (
                keys,
                blocking(move || inventories.tell(&BTreeMap::new(), &changed)).await,
            )
        };
        fault::point("outbox: struck out");
        if !matches!(written, Ok(Ok(()))) {
            tracing::error!("how far what is to be told came can't be written down");
            self.changed.extend(keys);
        }
    }

    async fn finish(&mut self) {
        while let Some(done) = self.calls.join_next().await {
            self.done(done);
        }
        self.write().await;
    }

    fn tell(&self, to: &To, app: Option<&str>, diagnostic: Diagnostic) {
        self.engine.tell(run::Event::NotTold {
            repository: to.0.clone(),
            receiver: to.1.clone(),
            // A repository's own events have no namespace in front.
            app: app
                .and_then(|app| app.split_once('/'))
                .filter(|(namespace, _)| !namespace.is_empty())
                .map(|(namespace, name)| id_of(namespace, name)),
            diagnostic,
        });
    }
}

/// A binding, ready to tell. Its secrets are read anew each time, so that one that was changed counts.
async fn open(
    engine: &Engine,
    (repository, spec): (&str, &NotifySpec),
    sender: Option<Arc<dyn Sender>>,
) -> Result<Notifier, Vec<Diagnostic>> {
    let one = |message: String| vec![Diagnostic::error("no-notifier", message, Location::None)];
    let sender = sender.ok_or_else(|| one("the system's certificate authorities can't be read".to_owned()))?;
    let base = engine.outbox().base.clone();
    let files = spec.secret_files.clone();
    let read = move || -> Result<BTreeMap<String, String>, String> {
        let values = files.iter().map(|(name, file)| {
            let path = base.join(file);
            let text = std::fs::read_to_string(&path)
                .map_err(|error| format!("the secret `{name}`: `{}` can't be read: {error}", path.display()))?;
            Ok((name.clone(), text.trim_end_matches(['\r', '\n']).to_owned()))
        });
        values.collect()
    };
    let mut values = blocking(read).await.map_err(|stop| stop.diagnostics)?.map_err(one)?;
    if let Some(secret) = &spec.secret_ref {
        let home = engine.options().home.as_ref();
        let namespace = match repository {
            // What a Tenant requires is the operator's.
            "" => home.map_or("", |home| home.namespace.as_str()),
            repository => parts_of(repository).0,
        };
        let contents = secrets::read(home, namespace, secret).await;
        values.extend(contents.map_err(|error| one(error.to_string()))?.lines());
    }
    let secrets = Secrets::new(values).map_err(|error| one(error.to_string()))?;
    Notifier::open(&engine.plugins(), &spec.choice(), &spec.config, secrets, sender).await
}

async fn attempt(engine: &Engine, sender: Option<Arc<dyn Sender>>, to: &To, event: &Event, attempt: u32) -> Done {
    if to.1 == KUBERNETES {
        return match events::write(engine, event).await {
            Ok(()) => Done::Told,
            Err(events::Failure::Later(why)) => Done::Later(None, why),
            Err(events::Failure::Never(why)) => Done::Refused(Diagnostic::error("not-told", why, Location::None)),
        };
    }
    let Some(spec) = engine.outbox().spec(to) else {
        let message = "the configuration has no such notifier any more";
        return Done::Refused(Diagnostic::error("not-told", message, Location::None));
    };
    let notifier = match open(engine, (&to.0, &spec), sender).await {
        Ok(notifier) => notifier,
        // It may be mended, and what is to be told waits for that.
        Err(diagnostics) => {
            let why = diagnostics.into_iter().next().map(|diagnostic| diagnostic.message);
            return Done::Later(None, why.unwrap_or_default());
        }
    };
    let outcome = notifier
        .tell(&engine.plugins(), event, attempt, Tenant::new(&event.repository))
        .await;
    let said = outcome.log.last().map(|line| line.message.clone());
    let refused = |why: String| {
        let message = format!("the receiver refuses: {why}");
        Done::Refused(Diagnostic::error("not-told", message, Location::None))
    };
    match outcome.result {
        Ok(Notified::Delivered(_)) => Done::Told,
        Ok(Notified::Retry(wish)) => Done::Later(wish, said.unwrap_or_else(|| "the receiver can't be told".to_owned())),
        Ok(Notified::Rejected(why) | Notified::Unsupported(why)) => refused(why),
        Ok(Notified::Other { message, .. }) => refused(message),
        Err(error) => Done::Later(None, chain(&error)),
    }
}
