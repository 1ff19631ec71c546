//! The engine as its driver sees it: events in, actions out.

mod adding;
mod closing;
mod life_cycle;
mod queue;
mod random;
mod reference;
mod restarts;
mod time;
mod transfers;
mod world;
