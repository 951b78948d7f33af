//! The real app over fakes, reached through real sockets.

mod client;
mod deliveries;
mod hooks;
mod isolation;
mod limits;
mod linking;
mod ops;
mod pages;
mod tls;
mod world;
