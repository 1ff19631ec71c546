//! The engine as its driver sees it: events in, actions out.

mod adding;
mod callback_model;
mod callback_random;
mod callbacks;
mod clients;
mod closing;
mod downloads;
mod handover;
mod http;
mod life_cycle;
mod places;
mod queue;
mod random;
mod reference;
mod restarts;
mod retention;
mod siblings;
mod stand_ins;
mod time;
mod transfers;
mod worktime;
mod world;
