//! A bounded cache of decoded objects.

use std::{collections::HashMap, sync::Mutex};

use windlass_core::oid::Oid;

use crate::budget::lock;

/// Two generations of entries: when the young one is full it becomes the old one, and the old one is dropped. What is asked
/// for moves to the young one. Cheaper than an exact order of use, and bounded all the same.
pub(crate) struct Cache<V> {
    half: usize,
    generations: Mutex<Generations<V>>,
}

struct Generations<V> {
    young: HashMap<Oid, (V, usize)>,
    old: HashMap<Oid, (V, usize)>,
    weight: usize,
}

impl<V: Clone> Cache<V> {
    /// At most `bytes` in total, as callers weigh their values.
    pub(crate) fn new(bytes: usize) -> Self {
        let generations = Generations {
            young: HashMap::new(),
            old: HashMap::new(),
            weight: 0,
        };
        Self {
            half: bytes / 2,
            generations: Mutex::new(generations),
        }
    }

    pub(crate) fn get(&self, oid: &Oid) -> Option<V> {
        let mut generations = lock(&self.generations);
        if let Some((value, _)) = generations.young.get(oid) {
            return Some(value.clone());
        }
        let (value, weight) = generations.old.remove(oid)?;
        generations.insert(*oid, value.clone(), weight, self.half);
        Some(value)
    }

    /// Keeps a value unless it alone would take more than a quarter of the cache.
    pub(crate) fn put(&self, oid: Oid, value: V, weight: usize) {
        if weight <= self.half / 2 {
            lock(&self.generations).insert(oid, value, weight, self.half);
        }
    }
}

impl<V> Generations<V> {
    fn insert(&mut self, oid: Oid, value: V, weight: usize, half: usize) {
        if self.weight + weight > half {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        if self.young.insert(oid, (value, weight)).is_none() {
            self.weight += weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(n: u8) -> Oid {
        Oid::from_bytes(&[n; 20]).unwrap()
    }

    #[test]
    fn old_entries_leave_and_used_ones_stay() {
        let cache = Cache::new(40);
        for n in 0..20 {
            cache.put(oid(n), n, 5);
            assert_eq!(cache.get(&oid(0)), Some(0), "after {n}");
        }
        assert_eq!(cache.get(&oid(1)), None);
        assert_eq!(cache.get(&oid(19)), Some(19));
        let generations = lock(&cache.generations);
        assert!(generations.young.len() + generations.old.len() <= 8);
    }

    #[test]
    fn a_huge_value_is_not_kept() {
        let cache = Cache::new(40);
        cache.put(oid(1), 1, 11);
        assert_eq!(cache.get(&oid(1)), None);
    }
}
