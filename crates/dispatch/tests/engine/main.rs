//! The engine under paused time, on the real store, with a scripted network: stories, and a
//! simulation.

mod live;
mod simulation;
mod stories;
mod world;
