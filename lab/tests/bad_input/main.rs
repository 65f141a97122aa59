//! Wrong input through the real programs: each mistake is said clearly, and nothing is harmed by it.

mod carried_files;
mod clocks;
mod closed_pipes;
mod configuration;
mod full_disk;
mod hostile_pushes;
mod join_codes;
mod lost_answers;
mod machines;
mod places;
mod site_lists;

use std::path::Path;

use suar_lab::programs::{Collector, free_address};

/// A collector on the loopback that serves, with its data in `directory`.
fn serving(directory: &Path) -> Collector<'static> {
    let address = free_address().expect("two free ports");
    let mut collector =
        Collector::init(None, directory, &address, "[log]\nlevel = \"info\"\n").expect("a data directory");
    collector.serve().expect("it serves");
    collector
}

const SITE: &str = "19.02.02.2009";

/// The same with one site.
fn serving_one_site(directory: &Path) -> Collector<'static> {
    let collector = serving(directory);
    collector.add_site(SITE).expect("the site is added");
    collector
}
