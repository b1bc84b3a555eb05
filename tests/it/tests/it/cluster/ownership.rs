//! Whose an object is, end to end: `windlass sync` from a repository onto a real API server.

mod stage;
mod marks;
mod moves;
mod deletes;
mod departures;
mod company;
mod killed;
mod many;
