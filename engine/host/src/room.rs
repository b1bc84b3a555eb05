//! Room for a number of users at a time; the others wait in the turns of their tenants.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::fair::{Queue, Tenant};

/// A bounded number of places. Cheap to clone; clones share the places.
#[derive(Debug, Clone)]
pub struct Room {
    state: Arc<Mutex<State>>,
}

/// One of them, free again when dropped.
#[derive(Debug)]
#[must_use = "the place is given back when this is dropped"]
pub struct Place {
    room: Option<Room>,
}

#[derive(Debug)]
struct State {
    free: usize,
    waiting: Queue<oneshot::Sender<Place>>,
}

impl Room {
    /// For so many at a time.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let state = State {
            free: places,
            waiting: Queue::default(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Waits for a place. Whoever stops waiting loses nothing but the turn.
    pub async fn enter(&self, tenant: &Tenant) -> Place {
        let told = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.free > 0 {
                state.free -= 1;
                return self.place();
            }
            let (tell, told) = oneshot::channel();
            state.waiting.push(tenant, tell);
            told
        };
        // A room lives as long as somebody waits, so nobody is left without an answer.
        told.await.unwrap_or(Place { room: None })
    }

    fn place(&self) -> Place {
        Place {
            room: Some(self.clone()),
        }
    }

    /// Hands a place on to whoever is next and still waits.
    fn hand_on(&self) {
        loop {
            let next = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                let next = state.waiting.pop();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(self.place()) {
                Ok(()) => return,
                // Given up meanwhile: the place is not this one's to give back.
                Err(mut refused) => refused.room = None,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            room.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{pin::pin, task::Poll};

    use super::*;

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match pin!(future).poll(&mut context) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_tenant_with_one_is_next_behind_one_with_many() {
        let (many, one) = (Tenant::new("many"), Tenant::new("one"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let room = Room::new(2);
            let held = [room.enter(&many).await, room.enter(&many).await];
            let order = Arc::new(Mutex::new(Vec::new()));
            let wait = |tenant: &Tenant, name: &'static str| {
                let (room, tenant, order) = (room.clone(), tenant.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    let _place = room.enter(&tenant).await;
                    order.lock().unwrap().push(name);
                })
            };
            let mut waiting: Vec<_> = (0..50).map(|_| wait(&many, "many")).collect();
            tokio::task::yield_now().await;
            waiting.push(wait(&one, "one"));
            tokio::task::yield_now().await;
            drop(held);
            for task in waiting {
                task.await.unwrap();
            }
            let at = order.lock().unwrap().iter().position(|name| *name == "one");
            assert!(at.is_some_and(|at| at <= 2), "{at:?}");
        });
    }

    #[test]
    fn who_gives_up_takes_no_place_along() {
        let (room, tenant) = (Room::new(1), Tenant::new("a"));
        let held = now(room.enter(&tenant)).unwrap();
        for _ in 0..1000 {
            assert!(now(room.enter(&tenant)).is_none(), "full; given up at once");
        }
        drop(held);
        let again = now(room.enter(&tenant)).unwrap();
        assert!(now(room.enter(&tenant)).is_none());
        // Handed over, but given up before it was taken.
        let mut waiting = Box::pin(room.enter(&tenant));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(again);
        drop(waiting);
        assert!(now(room.enter(&tenant)).is_some());
    }
}
