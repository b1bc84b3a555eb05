//! Measured things.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Rounds of a figure: each gives one value, and the report shows the middle one.
const ROUNDS: usize = 5;

/// How much is done. The report is made from the default; a smoke run only shows that everything works.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effort {
    /// Of a test.
    pub(crate) is_quick: bool,
    /// So many apps, where a part has a number of them, instead of its own.
    pub(crate) apps: Option<usize>,
    /// So many seconds, where nothing happens, instead of the part's own.
    pub(crate) idle: Option<usize>,
}

impl Effort {
    /// `full`, or much less.
    pub(crate) const fn of(self, full: usize, quick: usize) -> usize {
        if self.is_quick { quick } else { full }
    }

    /// As many as were asked for, else as [`Effort::of`].
    pub(crate) fn apps(self, full: usize, quick: usize) -> usize {
        self.apps.unwrap_or_else(|| self.of(full, quick))
    }

    /// As many as were asked for, else as [`Effort::of`].
    pub(crate) fn idle(self, full: usize, quick: usize) -> usize {
        self.idle.unwrap_or_else(|| self.of(full, quick))
    }
}

/// One line of the report.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// What was done.
    pub(crate) work: String,
    /// What it took, or came to.
    pub(crate) ours: Samples,
    /// Of `ours`.
    pub(crate) unit: Unit,
    /// What the peer took for the same, round by round.
    pub(crate) peer: Option<Peer>,
    /// What another one took for it, who is not measured in every run.
    #[serde(default)]
    pub(crate) other: Option<Peer>,
    /// What it should come to.
    pub(crate) target: Option<Target>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Wall time.
    Milliseconds,
    /// Wall time.
    Microseconds,
    /// Wall time.
    Seconds,
    /// Memory and files.
    Mebibytes,
    /// Of 1,000 bytes.
    Kilobytes,
    /// A number of things, or of times.
    Number,
}

/// Somebody else who does the same work.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Peer {
    /// Name.
    pub(crate) name: String,
    /// What it took.
    pub(crate) samples: Samples,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Target {
    /// The value is at most this.
    AtMost(f64),
    /// The value is exactly this.
    Exactly(f64),
    /// It takes at most this many times what the peer takes.
    RatioAtMost(f64),
}

/// One value a round, in the order of the rounds; and the least of all single runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Samples {
    rounds: Vec<f64>,
    least: f64,
}

impl Samples {
    /// Values that are not taken in rounds.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let rounds: Vec<f64> = values.into_iter().collect();
        Self {
            least: rounds.iter().copied().fold(f64::INFINITY, f64::min),
            rounds,
        }
    }

    /// Rounds of single runs.
    fn rounds(rounds: &[Vec<f64>]) -> Self {
        Self {
            rounds: rounds.iter().map(|round| median(round)).collect(),
            least: rounds.iter().flatten().copied().fold(f64::INFINITY, f64::min),
        }
    }

    /// The middle round.
    pub(crate) fn median(&self) -> f64 {
        median(&self.rounds)
    }

    /// What the work takes when the machine is left alone.
    pub(crate) const fn least(&self) -> f64 {
        self.least
    }

    /// The middle of the rounds' ratios: what disturbs a round disturbs both of its sides.
    pub(crate) fn ratio(&self, peer: &Self) -> f64 {
        if self.rounds.len() != peer.rounds.len() {
            // No rounds of both: nothing to pair.
            return self.median() / peer.median().max(f64::EPSILON);
        }
        let ratios: Vec<f64> = self
            .rounds
            .iter()
            .zip(&peer.rounds)
            .map(|(ours, theirs)| ours / theirs.max(f64::EPSILON))
            .collect();
        median(&ratios)
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    let middle = sorted.len() / 2;
    if sorted.len().is_multiple_of(2) && middle > 0 {
        return at(middle - 1).midpoint(at(middle));
    }
    at(middle)
}

/// Times two pieces of work in turns, `repeats` times a round, after one run of each that is not counted. In milliseconds.
pub(crate) fn in_turns(
    effort: Effort,
    repeats: usize,
    mut ours: impl FnMut(),
    mut peer: Option<impl FnMut()>,
) -> (Samples, Option<Samples>) {
    ours();
    if let Some(peer) = &mut peer {
        peer();
    }
    let (mut our_rounds, mut peer_rounds) = (Vec::new(), Vec::new());
    for _ in 0..effort.of(ROUNDS, 1) {
        let (mut our_round, mut peer_round) = (Vec::new(), Vec::new());
        for _ in 0..effort.of(repeats, 1) {
            our_round.push(milliseconds(timed(&mut ours)));
            if let Some(peer) = &mut peer {
                peer_round.push(milliseconds(timed(peer)));
            }
        }
        our_rounds.push(our_round);
        peer_rounds.push(peer_round);
    }
    let theirs = peer.map(|_| Samples::rounds(&peer_rounds));
    (Samples::rounds(&our_rounds), theirs)
}

/// Times some work, five rounds of it.
pub(crate) fn alone(effort: Effort, repeats: usize, work: impl FnMut()) -> Samples {
    in_turns(effort, repeats, work, None::<fn()>).0
}

/// How long some work took.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

/// As a number.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Figure {
    /// Without a peer and a target.
    pub(crate) fn new(work: impl Into<String>, ours: Samples, unit: Unit) -> Self {
        Self {
            work: work.into(),
            ours,
            unit,
            peer: None,
            other: None,
            target: None,
        }
    }

    /// Beside a peer.
    pub(crate) fn beside(mut self, name: &str, samples: Option<Samples>) -> Self {
        self.peer = samples.map(|samples| Peer {
            name: name.to_owned(),
            samples,
        });
        self
    }

    /// Beside another one as well, if it was measured.
    pub(crate) fn and(mut self, name: &str, samples: Option<Samples>) -> Self {
        self.other = samples.map(|samples| Peer {
            name: name.to_owned(),
            samples,
        });
        self
    }

    /// With a bound.
    pub(crate) const fn within(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }
}
