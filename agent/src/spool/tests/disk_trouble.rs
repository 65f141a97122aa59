//! A disk that is full or read-only, on a real small file system.

use super::*;

#[test]
fn the_memory_is_bounded_and_what_it_costs_is_told() {
    let dir = TempDir::new().unwrap();
    let mut spool = new(dir.path());
    let mut told = 0;
    for _ in 0..QUEUE_RECORDS_MAX + 10 {
        if let Some((first, last)) = spool.append(b"x").unwrap().dropped {
            told += last - first + 1;
        }
    }
    assert!(spool.stats().in_memory <= QUEUE_RECORDS_MAX);
    assert_eq!(told, spool.stats().dropped_total);
    spool.sync();
    let count = all(&spool).len() as u64;
    assert_eq!(count + told, QUEUE_RECORDS_MAX as u64 + 10);
    for _ in 0..1000 {
        spool.append(&[1; 4000]).unwrap();
    }
    let bytes: usize = spool.queue.iter().map(|(_, payload)| payload.len()).sum();
    assert!(bytes <= QUEUE_BYTES_MAX, "{bytes}");
}

#[cfg(target_os = "linux")]
mod on_a_small_file_system {
    use std::process::Command;

    use super::*;

    /// A tmpfs of its own, unmounted when dropped.
    struct SmallDisk(TempDir);

    impl SmallDisk {
        /// `None`, loudly, where mounting is not allowed; in CI that is a failure.
        fn mount(kib: usize) -> Option<Self> {
            let dir = TempDir::new().unwrap();
            let size = format!("size={kib}k");
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", &size, "suar-test"])
                .arg(dir.path())
                .status();
            if mounted.as_ref().is_ok_and(std::process::ExitStatus::success) {
                return Some(Self(dir));
            }
            assert!(std::env::var_os("CI").is_none(), "cannot mount a tmpfs in CI: {mounted:?}");
            eprintln!("NOT RUN: this test needs the right to mount a tmpfs ({mounted:?})");
            None
        }

        fn remount(&self, option: &str) {
            let options = format!("remount,{option}");
            let status = Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap();
            assert!(status.success());
        }

        fn spool_dir(&self) -> PathBuf {
            self.0.path().join("spool")
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
        }
    }

    #[test]
    fn a_full_disk_costs_no_record_once_there_is_room_again() {
        let Some(disk) = SmallDisk::mount(256) else { return };
        let mut spool = new(&disk.spool_dir());
        append_durably(&mut spool, &[b"one"]);
        let ballast = disk.0.path().join("ballast");
        // Somebody else fills the disk; it takes what fits.
        let _ = fs::write(&ballast, vec![1; 1 << 20]);
        for _ in 0..30 {
            spool.append(&[7; 4000]).unwrap();
            spool.sync();
        }
        let stats = spool.stats();
        let trouble = stats.trouble.expect("the disk is full");
        assert!(trouble.contains("cannot write"), "{trouble}");
        // The segment that was there takes what fits without the disk's help.
        assert!((14..30).contains(&stats.in_memory), "{}", stats.in_memory);
        assert_eq!(stats.records_pending, 31);
        let durable = all(&spool).len();
        assert_eq!(durable + stats.in_memory, 31, "what is only in memory is not shown");
        fs::remove_file(ballast).unwrap();
        spool.sync();
        assert_eq!((spool.stats().trouble, spool.stats().in_memory), (None, 0));
        assert_eq!(sequences(&all(&spool)), (1..=31).collect::<Vec<_>>());
        drop(spool);
        let (spool, opened) = open(&disk.spool_dir());
        assert_eq!((all(&spool).len(), opened.damaged_segments, opened.lost), (31, 0, vec![]));
    }

    #[test]
    fn a_disk_that_turns_read_only_costs_nothing_when_it_comes_back() {
        let Some(disk) = SmallDisk::mount(512) else { return };
        let mut spool = new(&disk.spool_dir());
        append_durably(&mut spool, &[b"one", b"two"]);
        // The kernel refuses to remount while a file is open for writing, so the spool is opened after.
        drop(spool);
        disk.remount("ro");
        let (mut spool, opened) = Spool::open(&disk.spool_dir(), ROOMY, OTHER_EPOCH).unwrap();
        assert_eq!(opened, Opened::default());
        assert!(spool.stats().trouble.is_some());
        assert_eq!(spool.epoch(), OTHER_EPOCH, "nothing of this life may share an epoch with the disk");
        spool.append(b"in memory").unwrap();
        spool.append(b"in memory too").unwrap();
        spool.sync();
        assert_eq!(sequences(&all(&spool)), [1, 2], "the office is still heard");
        spool.commit(&[(1, 1)]);
        assert_eq!(sequences(&all(&spool)), [2]);
        drop(spool);
        disk.remount("rw");
        let (spool, _) = open(&disk.spool_dir());
        assert_eq!((spool.epoch(), sequences(&all(&spool))), (EPOCH, vec![1, 2]));
    }

    #[test]
    fn a_disk_that_is_full_from_the_start_does_not_stop_the_agent() {
        let Some(disk) = SmallDisk::mount(64) else { return };
        let _ = fs::write(disk.0.path().join("ballast"), vec![1; 1 << 20]);
        let (mut spool, _) = Spool::open(&disk.spool_dir(), ROOMY, EPOCH).unwrap();
        spool.append(b"one").unwrap();
        spool.sync();
        assert!(spool.stats().trouble.is_some());
        assert_eq!(spool.stats().records_pending, 1);
    }
}

#[test]
fn a_path_that_is_no_directory_is_an_error_and_not_trouble() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    let error = Spool::open(&file, ROOMY, EPOCH).unwrap_err();
    assert!(matches!(error, SpoolError::File { .. }), "{error}");
}
