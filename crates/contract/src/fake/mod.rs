//! Working in-memory adapters: stateful, public, and held to the same suites as the real ones.

mod chat;
mod clock;
mod directory;
mod random;
mod store;
mod tracker;
mod vault;

pub use chat::*;
pub use clock::FakeClock;
pub use directory::FakeDirectory;
pub use random::SeededRandom;
pub use store::*;
pub use tracker::*;
pub use vault::*;
