//! What may be another one at any time: whoever takes it works with what it was then, to the end.

use std::sync::{Arc, PoisonError, RwLock};

/// A value that is exchanged as a whole.
#[derive(Debug, Default)]
pub(crate) struct Current<T>(RwLock<Arc<T>>);

impl<T> Current<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(RwLock::new(Arc::new(value)))
    }

    /// As it is now.
    pub(crate) fn get(&self) -> Arc<T> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Exchanges it. Answers what it was.
    pub(crate) fn set(&self, value: impl Into<Arc<T>>) -> Arc<T> {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut current, value.into())
    }
}
