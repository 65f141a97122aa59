//! Benchmarks: what the programs cost on this machine. They print figures; they assert nothing about speed.

mod beside;
mod footprint;
mod peers;
mod scrape;
mod under_load;
mod written;

pub use beside::{Beside, Taken, beside};
pub use footprint::{Footprint, agent_footprint};
pub use peers::{Peer, peers};
pub use scrape::{Scraped, scrape};
pub use under_load::{Scrapes, UnderLoad, scrape_under_load};
