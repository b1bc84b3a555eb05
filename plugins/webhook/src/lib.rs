//! Tells a receiver on the web of events: a request by the user's template, with secrets that the host puts in.
//!
//! The plugin never has a secret. Where the configuration says `${secret:NAME}`, the request that leaves here holds a mark that
//! occurs nowhere in the event (`marks.rs`), so that no text from a repository can pass for one.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod config;
mod marks;
mod message;
mod reply;
mod template;

use windlass_sdk::{Event, Notifier, NotifyFailure, http, log};

use config::Config;
use reply::Reply;

/// The plugin.
#[derive(Debug)]
pub struct Webhook;

impl Notifier for Webhook {
    fn notify(event: &Event) -> Result<Option<String>, NotifyFailure> {
        let config: Config = event.config_as()?;
        let facts = message::Facts {
            payload: event.payload(),
            key: event.key(),
            attempt: event.attempt(),
        };
        let request = message::request(&config, &facts).map_err(NotifyFailure::Rejected)?;
        match reply::of(http::send(&request)) {
            Reply::Delivered => Ok(None),
            Reply::Refused(why) => Err(NotifyFailure::Rejected(why)),
            Reply::Again { after, why } => {
                log::warn(&why, &[]);
                Err(NotifyFailure::Retry(after))
            }
        }
    }
}

windlass_sdk::notifier!(Webhook);
