//! What stands in the way of a file, as far as a person can do something about it, and waiting for a program that
//! holds one for a moment.

use std::io;
use std::time::Duration;

use super::private;
use crate::language::Language;

/// How often something is tried that another program prevents, and how far apart: a second and a third in all. A virus
/// scanner holds a new file for some hundred milliseconds.
const ATTEMPTS: u32 = 10;
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(250);

/// Why a file cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    NotAllowed,
    Full,
    ReadOnly,
    /// Another program has it open; on Windows that is enough to prevent a rename.
    Held,
    Other,
}

impl Trouble {
    pub fn of(error: &io::Error) -> Self {
        use io::ErrorKind::{
            ExecutableFileBusy, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, ResourceBusy,
            StorageFull,
        };
        if private::is_sharing_violation(error) {
            return Self::Held;
        }
        match error.kind() {
            PermissionDenied => Self::NotAllowed,
            StorageFull | QuotaExceeded => Self::Full,
            ReadOnlyFilesystem => Self::ReadOnly,
            ResourceBusy | ExecutableFileBusy => Self::Held,
            _ => Self::Other,
        }
    }

    /// A sentence for whoever stands there.
    pub fn what_to_do(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::NotAllowed, Language::Id) => "Jalankan sebagai administrator (sudo), lalu coba lagi.",
            (Self::NotAllowed, Language::En) => "Run this as administrator (sudo) and try again.",
            (Self::Full, Language::Id) => {
                "Disk penuh: hapus berkas yang tidak diperlukan atau kosongkan tempat sampah, lalu coba lagi."
            }
            (Self::Full, Language::En) => "The disk is full: delete what is not needed and try again.",
            (Self::ReadOnly, Language::Id) => {
                "Disk ini hanya dapat dibaca: nyalakan ulang komputer; bila tetap begitu, disk atau kartu SD mungkin rusak dan harus diganti."
            }
            (Self::ReadOnly, Language::En) => {
                "This disk can only be read: restart the computer; if it stays so, the disk or SD card may be broken and must be replaced."
            }
            (Self::Held, Language::Id) => {
                "Program lain sedang memegang berkas ini, biasanya antivirus: tunggu satu menit lalu coba lagi; bila tetap begitu, kecualikan folder ini dari antivirus."
            }
            (Self::Held, Language::En) => {
                "Another program holds this file, usually a virus scanner: wait a minute and try again; if it stays so, exclude this folder from the scanner."
            }
            (Self::Other, Language::Id) => "Disk mungkin rusak atau letaknya salah; hubungi pengelola.",
            (Self::Other, Language::En) => {
                "The disk may be broken or the place wrong; tell the administrator."
            }
        }
    }
}

/// Does it again and again for a second while another program prevents it. Elsewhere than on Windows nobody's open file
/// prevents a rename, and the first answer counts.
pub fn once_free<T>(act: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    patiently(act, private::may_be_free_soon, std::thread::sleep)
}

fn patiently<T>(
    mut act: impl FnMut() -> io::Result<T>,
    may_be_free_soon: impl Fn(&io::Error) -> bool,
    mut wait: impl FnMut(Duration),
) -> io::Result<T> {
    let mut pause = PAUSE_MIN;
    for _ in 1..ATTEMPTS {
        match act() {
            Err(error) if may_be_free_soon(&error) => {
                wait(pause);
                pause = (pause * 2).min(PAUSE_MAX);
            }
            ended => return ended,
        }
    }
    act()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Windows' number for "another process uses the file"; on Linux the number has another meaning and is not looked at.
    const SHARING_VIOLATION: i32 = 32;

    fn held() -> io::Error {
        io::Error::from_raw_os_error(SHARING_VIOLATION)
    }

    fn is_held(error: &io::Error) -> bool {
        error.raw_os_error() == Some(SHARING_VIOLATION)
    }

    #[test]
    fn a_file_that_a_scanner_holds_for_a_moment_is_waited_for() {
        let (mut tries, mut waits) = (0, Vec::new());
        let act = || {
            tries += 1;
            if tries < 4 { Err(held()) } else { Ok("renamed") }
        };
        assert_eq!(patiently(act, is_held, |pause| waits.push(pause)).expect("free at last"), "renamed");
        assert_eq!(waits, [10, 20, 40].map(Duration::from_millis));
    }

    #[test]
    fn a_file_that_stays_held_is_given_up_within_two_seconds_with_its_own_error() {
        let (mut tries, mut waited) = (0, Duration::ZERO);
        let act = || -> io::Result<()> {
            tries += 1;
            Err(held())
        };
        let error = patiently(act, is_held, |pause| waited += pause).expect_err("held for ever");
        assert!(is_held(&error) && tries == ATTEMPTS, "{error} after {tries}");
        assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(2), "{waited:?}");
    }

    #[test]
    fn anything_else_is_told_at_once() {
        let mut tries = 0;
        let act = || -> io::Result<()> {
            tries += 1;
            Err(io::ErrorKind::StorageFull.into())
        };
        let error = patiently(act, is_held, |_| panic!("it waited")).expect_err("a full disk");
        assert_eq!((error.kind(), tries), (io::ErrorKind::StorageFull, 1));
    }

    #[test]
    fn each_trouble_says_what_to_do_in_both_languages() {
        let kinds = [
            (io::ErrorKind::PermissionDenied, Trouble::NotAllowed),
            (io::ErrorKind::StorageFull, Trouble::Full),
            (io::ErrorKind::QuotaExceeded, Trouble::Full),
            (io::ErrorKind::ReadOnlyFilesystem, Trouble::ReadOnly),
            (io::ErrorKind::ResourceBusy, Trouble::Held),
            (io::ErrorKind::NotADirectory, Trouble::Other),
        ];
        let mut sentences = std::collections::BTreeSet::new();
        for (kind, expected) in kinds {
            let trouble = Trouble::of(&kind.into());
            assert_eq!(trouble, expected, "{kind}");
            sentences.extend([trouble.what_to_do(Language::Id), trouble.what_to_do(Language::En)]);
        }
        assert_eq!(sentences.len(), 10, "two troubles share a sentence");
    }
}
