//! The real app over fakes.

mod failures;
mod linking;
mod story;
mod world;
