//! The real app over fakes.

mod failures;
mod linking;
mod running;
mod story;
mod world;
