//! `windlass uninstall`: takes Windlass out of a cluster.

use std::time::Duration;

use super::{
    failure::{Failure, Outcome},
    install::{Place, Teller},
    output::{Form, Output},
    sync::span,
};
use crate::install::{
    Site,
    down::{Fate, Leave, Left},
};

const EXAMPLES: &str = "Examples:
  windlass uninstall --apps keep --dry-run
  windlass uninstall --apps keep                    # what Apps own stays as it is, and is nobody's
  windlass uninstall --apps prune --timeout 15m     # the controller deletes what Apps own, as their deletionPolicy says
  windlass uninstall --apps keep --delete-state     # the volume and the namespace too

`prune` deletes the Apps first and waits until the controller is through with them; exit code 4 when it isn't within the time, and nothing
else is taken away then. Afterwards the controller, its rights, the kinds and all their objects go. The installation's secret,
the volume and the namespace stay unless `--delete-state` is said. It can be interrupted and begun again.";

/// Take Windlass out of a cluster, with or without what its Apps own
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: a line an object")))]
pub(super) struct Args {
    /// What becomes of Apps: `keep` leaves all that they own, `prune` deletes it
    #[arg(long, value_name = "FATE", value_enum, hide_possible_values = true)]
    apps: Apps,

    /// How long Apps, pods and kinds may each take to be gone
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "5m")]
    timeout: Duration,

    /// Also the installation's secret, the volume with histories, and the namespace with all that is in it
    #[arg(long)]
    delete_state: bool,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    form: Form,
}

/// What becomes of Apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Apps {
    Keep,
    Prune,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let api = args.place.connect().await?;
    let site = Site {
        api: &api,
        namespace: &args.place.namespace,
        dry_run: args.place.dry_run,
    };
    let leave = Leave {
        apps: match args.apps {
            Apps::Keep => Fate::Keep,
            Apps::Prune => Fate::Prune,
        },
        within: args.timeout,
        with_state: args.delete_state,
    };
    let mut teller = Teller::new(&args.form, output);
    let left = site.uninstall(leave, &mut |told| teller.tell(&told)).await;
    teller.end()?;
    match left? {
        Left::All => Ok(Outcome::Done),
        Left::Waiting(waiting) => {
            for (id, why) in &waiting {
                output.note(&format!("waiting: {id}: {why}\n"));
            }
            let seconds = args.timeout.as_secs();
            output.note(&format!(
                "not through after {seconds} s, and nothing further was taken away. Try again; `--apps keep` waits for no controller\n"
            ));
            Ok(Outcome::TimedOut)
        }
    }
}
