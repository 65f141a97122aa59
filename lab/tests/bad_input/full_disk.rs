//! A data directory on a disk that is full: nothing is receipted, nothing is lost, and it goes on by itself.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use suar_lab::netns::can_run_here;
use suar_lab::programs::finish;
use suar_wire::Receipt;

use super::hostile_pushes::{join, push, send};
use super::serving_one_site;

const DISK: &str = "size=6m";
/// More pushes than fit beside the file that fills the disk.
const PUSHES_MAX: u64 = 200;
const RECORDS: u64 = 1_500;

/// A small disk of our own, gone when dropped.
pub(super) struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    pub(super) fn mount(at: &'a Path) -> Self {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]).arg(at);
        finish(&mut mount).expect("mount runs").ok().expect("a small disk");
        Self(at)
    }

    /// Takes every byte that is left.
    pub(super) fn fill(&self) {
        let mut file = File::create(self.filler()).expect("a file");
        for bytes in [64 * 1024, 1024, 1] {
            while file.write_all(&vec![1; bytes]).is_ok() {}
        }
    }

    pub(super) fn empty(&self) {
        std::fs::remove_file(self.filler()).expect("it was filled");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        // Lazily: a failed test may still have the collector's files open.
        if let Err(error) = finish(Command::new("umount").arg("-l").arg(self.0)) {
            eprintln!("{} stays mounted: {error:#}", self.0.display());
        }
    }
}

#[test]
fn a_full_disk_receipts_nothing_and_goes_on_when_there_is_room() {
    if !can_run_here("a data directory on a full disk") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    // Only the data is on the small disk, so that the log can still be written.
    let data = directory.path().join("collector-data");
    std::fs::create_dir(&data).expect("a directory");
    let disk = Disk::mount(&data);
    let mut collector = serving_one_site(directory.path());
    let joined = join(&collector);
    let client = collector.client().expect("a certificate");
    disk.fill();

    let range = |number: u64| number * RECORDS + 1..=(number + 1) * RECORDS;
    let pushed = |number| send(&client, &joined.token, &[], &push(&joined, range(number)).encode());
    let mut number = 0;
    let refused = loop {
        assert!(number < PUSHES_MAX, "{PUSHES_MAX} pushes went onto a full disk");
        let answer = pushed(number);
        if answer.status != 200 {
            break answer;
        }
        number += 1;
    };
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(collector.get("/healthz").expect("it lives").status, 200);
    let log = collector.process().expect("it runs").log();
    assert!(log.contains("the disk of the data directory is full") && !log.contains("panicked"), "{log}");

    std::fs::remove_file(data.join("filler")).expect("room");
    let answer = pushed(number);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let receipt = Receipt::decode(&answer.body).expect("a receipt");
    assert_eq!(receipt.acknowledged, vec![(*range(number).start(), *range(number).end())]);
    let kept = collector.administer(&["dump-records"]).expect("it runs").ok().expect("records");
    assert_eq!(kept.lines().count() as u64, (number + 1) * RECORDS);
}
