//! Groups, intervals and failures.

use windlass_core::config;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// By name and the text of their spec.
fn repositories(specs: &[(&str, &str)]) -> BTreeMap<String, RepositorySpec> {
    let document = |(name, spec): &(&str, &str)| {
        format!("apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: {name}}}\nspec: {spec}\n")
    };
    let text: Vec<String> = specs.iter().map(document).collect();
    config::load(&text.join("---\n")).unwrap().repositories
}

struct Bed {
    schedule: Schedule,
    now: Instant,
}

impl Bed {
    fn new(specs: &[(&str, &str)]) -> Self {
        let mut bed = Self {
            schedule: Schedule::default(),
            now: Instant::now(),
        };
        bed.follow(specs);
        bed
    }

    fn follow(&mut self, specs: &[(&str, &str)]) {
        self.schedule.follow(&repositories(specs), self.now);
    }

    /// Goes on to the next poll. Answers who is asked, and after how long.
    fn turn(&mut self) -> (Vec<Vec<String>>, Duration) {
        let at = self.schedule.next().unwrap();
        let passed = at.saturating_duration_since(self.now);
        self.now = self.now.max(at);
        (self.schedule.due(self.now), passed)
    }

    fn done(&mut self, names: &[&str], ended: Ended) {
        for name in names {
            self.schedule.done(name, ended, self.now);
        }
    }
}

#[test]
fn who_asks_the_same_is_asked_together() {
    let of = |name: &str, spec: &str| Asked::of(name, &repositories(&[("r", spec)])["r"]);
    let same = |a: &str, b: &str| of("r", a) == of("r", b);
    let plain = "{git: {url: 'https://h/r'}}";
    for spec in [
        "{git: {url: 'https://h/r', ref: {branch: b}}}",
        "{git: {url: 'https://h/r', ref: {branch: b}, onForcedPush: Hold}, interval: 5s}",
        "{git: {url: 'https://h/r'}, maxSize: 1Gi, plugins: {validators: []}}",
    ] {
        assert!(same(plain, spec), "{spec}");
    }
    for spec in [
        "{git: {url: 'https://h/s'}}",
        "{git: {url: 'https://h/r', caFile: ca.pem}}",
        "{git: {url: 'https://h/r'}, auth: {tokenFile: t}}",
        "{git: {url: 'https://h/r'}, proxy: {url: 'http://p:1'}}",
    ] {
        assert!(!same(plain, spec), "{spec}");
    }
    let two = [
        "{git: {url: 'https://h/r'}, auth: {tokenFile: a}}",
        "{git: {url: 'https://h/r'}, auth: {tokenFile: b}}",
    ];
    assert!(same(two[0], two[0]) && !same(two[0], two[1]));
    // Files are the same wherever a document stands; a Secret is its namespace's.
    let mut secret = repositories(&[("r", two[0])])["r"].clone();
    assert_eq!(Asked::of("a/r", &secret), Asked::of("b/r", &secret));
    let reference = serde_json::json!({"secretRef": {"name": "git"}});
    secret.auth = Some(serde_json::from_value(reference).unwrap());
    assert_eq!(Asked::of("a/r", &secret), Asked::of("a/s", &secret));
    assert_ne!(Asked::of("a/r", &secret), Asked::of("b/r", &secret));
    assert_ne!(Asked::of("r", &secret), Asked::of("b/r", &secret));
}

#[test]
fn a_hundred_of_one_url_are_one_poll_at_the_shortest_interval() {
    let specs: Vec<(String, String)> = (0..100)
        .map(|n| {
            let interval = if n == 7 { "1m" } else { "10m" };
            let spec = format!("{{git: {{url: 'https://h/r', ref: {{branch: b{n}}}}}, interval: {interval}}}");
            (format!("r{n}"), spec)
        })
        .collect();
    let specs: Vec<(&str, &str)> = specs
        .iter()
        .map(|(name, spec)| (name.as_str(), spec.as_str()))
        .collect();
    let names: Vec<&str> = specs.iter().map(|(name, _)| *name).collect();
    let mut bed = Bed::new(&specs);
    for turn in 0..5 {
        let (rounds, passed) = bed.turn();
        assert_eq!((rounds.len(), rounds[0].len()), (1, 100), "{turn}");
        if turn > 0 {
            assert!(passed >= MINUTE && passed <= MINUTE * 11 / 10, "{passed:?}");
        }
        assert_eq!(bed.schedule.next(), None, "all are busy");
        bed.done(&names, Ended::Well);
    }
}

const TWO: [(&str, &str); 2] = [
    ("a", "{git: {url: 'https://h/r', ref: {branch: a}}, interval: 1m}"),
    ("b", "{git: {url: 'https://h/r', ref: {branch: b}}, interval: 1m}"),
];

#[test]
fn one_that_is_busy_holds_up_nobody() {
    let mut bed = Bed::new(&TWO);
    assert_eq!(bed.turn().0, [["a", "b"]]);
    bed.done(&["a"], Ended::Well);
    assert_eq!(bed.turn().0, [["a"]]);
    bed.done(&["a", "b"], Ended::Well);
    assert_eq!(bed.turn().0, [["a", "b"]]);
}

#[test]
fn what_fails_waits_longer_and_alone() {
    let mut bed = Bed::new(&TWO);
    bed.turn();
    bed.done(&["a"], Ended::Well);
    bed.done(&["b"], Ended::Badly);
    // At two minutes and a bit, with whoever is asked then.
    assert_eq!(bed.turn().0, [["a"]]);
    bed.done(&["a"], Ended::Well);
    let with_b = std::iter::repeat_with(|| {
        let round = bed.turn().0;
        bed.done(&["a"], Ended::Well);
        round
    });
    let rounds: Vec<_> = with_b.take(2).collect();
    assert!(
        rounds
            .iter()
            .any(|round| round.iter().flatten().any(|name| name == "b"))
    );
}

#[test]
fn a_host_that_asks_to_wait_is_waited_for() {
    let mut bed = Bed::new(&TWO);
    bed.turn();
    let until = bed.now + MINUTE * 7;
    bed.done(&["a", "b"], Ended::NotBefore(until));
    let (_, passed) = bed.turn();
    assert!(passed >= MINUTE * 7 && passed < MINUTE * 8, "{passed:?}");
}

#[test]
fn what_says_something_else_is_asked_at_once_and_alone() {
    let mut bed = Bed::new(&TWO);
    bed.turn();
    bed.done(&["a", "b"], Ended::Well);
    let other = "{git: {url: 'https://h/r', ref: {branch: c}}, interval: 1m}";
    let changed = [TWO[0], ("b", other)];
    bed.follow(&changed);
    assert_eq!(bed.turn(), (vec![vec!["b".to_owned()]], Duration::ZERO));
    // While it is asked it changes once more, and leaves.
    bed.follow(&TWO);
    bed.done(&["b"], Ended::Well);
    assert_eq!(bed.turn(), (vec![vec!["b".to_owned()]], Duration::ZERO));
    bed.follow(&TWO[..1]);
    assert!(!bed.schedule.has("b"));
    bed.done(&["b"], Ended::Well);
    assert_eq!(bed.turn().0, [["a"]]);
    // One that comes back while it is still looked at is not looked at twice at a time.
    bed.follow(&TWO[1..]);
    assert_eq!(bed.turn().0, [["b"]]);
    bed.follow(&TWO);
    assert_eq!(bed.schedule.next(), None);
    bed.done(&["a", "b"], Ended::Well);
    assert_eq!(bed.turn().0, [["a"]]);
}

#[test]
fn failures_back_off_and_end() {
    let interval = Duration::from_secs(10);
    let least = |failures| wait(interval, failures, "shop");
    assert!(least(0) < Duration::from_secs(12));
    assert!(least(3) >= Duration::from_secs(80));
    assert!(least(30) <= MAX_BACK_OFF + interval);
    assert_ne!(wait(interval, 0, "a"), wait(interval, 0, "b"));
}
