//! Whose turn is it? A fair share for every tenant that waits, however many calls another one has waiting.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZero,
    sync::Arc,
};

/// Whose call it is. Calls of one tenant wait for each other, not for all that another tenant has waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    key: Arc<str>,
    weight: NonZero<u32>,
}

impl Tenant {
    /// With a share like everybody's.
    #[must_use]
    pub fn new(key: &str) -> Self {
        Self {
            key: key.into(),
            weight: NonZero::<u32>::MIN,
        }
    }

    /// Served so many times as often as a tenant of weight 1, while both have calls waiting.
    #[must_use]
    pub fn weighing(self, weight: NonZero<u32>) -> Self {
        Self { weight, ..self }
    }
}

/// One turn of a tenant of weight 1, in virtual time; divisible by many weights.
const TURN: u64 = 1 << 20;

/// When a tenant is next, in virtual time; between equals, who came first.
type Order = (u64, u64);

/// What waits, by tenant: weighted round robin as start-time fair queueing. Virtual time stands where the last one served
/// began; who starts to wait is next from there on, before the second turn of those who waited all the time.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    turns: BTreeMap<Order, Turn<T>>,
    places: BTreeMap<Arc<str>, Order>,
    /// From when on one that has nothing waiting is next: who comes back at once must not pass those who wait.
    served: BTreeMap<Arc<str>, u64>,
    now: u64,
    arrivals: u64,
}

/// A tenant with something waiting.
#[derive(Debug)]
struct Turn<T> {
    tenant: Tenant,
    waiting: VecDeque<T>,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            turns: BTreeMap::new(),
            places: BTreeMap::new(),
            served: BTreeMap::new(),
            now: 0,
            arrivals: 0,
        }
    }
}

impl<T> Queue<T> {
    /// Behind the tenant's own.
    pub(crate) fn push(&mut self, tenant: &Tenant, item: T) {
        let place = self.places.get(&tenant.key);
        if let Some(turn) = place.and_then(|order| self.turns.get_mut(order)) {
            turn.waiting.push_back(item);
            return;
        }
        let turn = Turn {
            tenant: tenant.clone(),
            waiting: VecDeque::from([item]),
        };
        let begin = self.served.remove(&tenant.key).unwrap_or(0).max(self.now);
        self.place(begin, turn);
    }

    /// The next one's first.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let ((begin, _), mut turn) = self.turns.pop_first()?;
        self.places.remove(&turn.tenant.key);
        self.now = begin;
        self.served.retain(|_, next| *next > begin);
        let item = turn.waiting.pop_front();
        let next = begin + TURN / u64::from(turn.tenant.weight.get());
        if turn.waiting.is_empty() {
            self.served.insert(turn.tenant.key, next);
        } else {
            self.place(next, turn);
        }
        item
    }

    fn place(&mut self, begin: u64, turn: Turn<T>) {
        self.arrivals += 1;
        let order = (begin, self.arrivals);
        self.places.insert(turn.tenant.key.clone(), order);
        self.turns.insert(order, turn);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(queue: &mut Queue<&'static str>) -> String {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn one_who_starts_to_wait_is_next() {
        let (many, one) = (Tenant::new("many"), Tenant::new("one"));
        let mut queue = Queue::default();
        (0..100).for_each(|_| queue.push(&many, "m"));
        assert_eq!((queue.pop(), queue.pop()), (Some("m"), Some("m")));
        queue.push(&one, "o");
        assert_eq!(queue.pop(), Some("o"));
        assert_eq!(queue.pop(), Some("m"));
    }

    #[test]
    fn one_who_comes_back_at_once_passes_nobody() {
        let (eager, patient) = (Tenant::new("eager"), Tenant::new("patient"));
        let mut queue = Queue::default();
        (0..3).for_each(|_| queue.push(&patient, "p"));
        let mut served = String::new();
        for _ in 0..6 {
            queue.push(&eager, "e");
            served.extend(queue.pop());
        }
        assert_eq!(served.matches('p').count(), 3, "{served}");
    }

    #[test]
    fn tenants_alternate_and_weights_count() {
        let (a, b) = (Tenant::new("a"), Tenant::new("b"));
        let mut queue = Queue::default();
        (0..4).for_each(|_| queue.push(&a, "a"));
        (0..4).for_each(|_| queue.push(&b, "b"));
        assert_eq!(drain(&mut queue), "abababab");
        let heavy = a.weighing(NonZero::new(3).unwrap());
        (0..9).for_each(|_| queue.push(&heavy, "a"));
        (0..3).for_each(|_| queue.push(&b, "b"));
        let served = drain(&mut queue);
        assert_eq!(served[..4].matches('a').count(), 3, "{served}");
        assert_eq!(served[4..8].matches('a').count(), 3, "{served}");
    }

    proptest! {
        /// Nothing is lost, a tenant's own order holds, and while two wait neither gets two turns more than the other.
        #[test]
        fn whatever_arrives_is_served_in_turns(arrivals in proptest::collection::vec((0_usize..4, any::<bool>()), 1..200)) {
            let tenants = ["a", "b", "c", "d"].map(Tenant::new);
            let mut queue = Queue::default();
            let mut waiting: [VecDeque<usize>; 4] = Default::default();
            let mut since = [[0_i64; 4]; 4];
            let mut serve = |queue: &mut Queue<(usize, usize)>, waiting: &mut [VecDeque<usize>; 4]| {
                let Some((tenant, number)) = queue.pop() else { return Ok(()) };
                prop_assert_eq!(waiting[tenant].pop_front(), Some(number));
                for other in 0..4 {
                    since[tenant][other] = 0;
                    if !waiting[other].is_empty() && other != tenant {
                        since[other][tenant] += 1;
                        prop_assert!(since[other][tenant] <= 2, "{} waits for {}", other, tenant);
                    }
                }
                Ok(())
            };
            for (number, (tenant, pop)) in arrivals.into_iter().enumerate() {
                queue.push(&tenants[tenant], (tenant, number));
                waiting[tenant].push_back(number);
                if pop {
                    serve(&mut queue, &mut waiting)?;
                }
            }
            while waiting.iter().any(|w| !w.is_empty()) {
                serve(&mut queue, &mut waiting)?;
            }
        }
    }
}
