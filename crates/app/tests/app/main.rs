//! The real app over fakes.

mod actions;
mod directory;
mod environments;
mod everywhere;
mod failures;
mod faults;
mod gaps;
mod hooks;
mod installs;
mod linking;
mod mentions;
mod metric_alerts;
mod muting;
mod offers;
mod panels;
mod refresh;
mod remarks;
mod rereading;
mod running;
mod storms;
mod story;
mod unfurls;
mod whole;
mod why;
mod world;
