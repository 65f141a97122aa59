//! Signatures in `tests/golden/release` were made by Debian's minisign 0.11, by two keys that are not kept.

use super::*;

const PROGRAM: &[u8] = include_bytes!("../tests/golden/release/program");
const SIGNATURE: &str = include_str!("../tests/golden/release/program.minisig");

fn key() -> Key {
    include_str!("../tests/golden/release/key").trim().parse().expect("a public key")
}

fn version(text: &str) -> Version {
    text.parse().expect("a version")
}

fn release(text: &str, target: &str) -> Release {
    Release { version: version(text), target: target.to_owned() }
}

#[test]
fn a_program_is_what_the_holder_of_the_key_says_it_is() {
    assert_eq!(verify(PROGRAM, SIGNATURE, &key()), Ok(release("9.9.9", "linux-x86_64")));
    assert_eq!(verify_as(&release("9.9.9", "linux-x86_64"), PROGRAM, SIGNATURE, &key()), Ok(()));
    for other in [release("9.9.8", "linux-x86_64"), release("9.9.9", "linux-aarch64")] {
        let fault = verify_as(&other, PROGRAM, SIGNATURE, &key()).expect_err("another one was announced");
        assert!(matches!(fault, SignatureFault::Another { .. }), "{fault}");
    }
}

#[test]
fn a_byte_more_or_less_or_another_is_another_program() {
    let mut changed = PROGRAM.to_vec();
    changed[10] ^= 1;
    for wrong in [&changed, &PROGRAM[1..].to_vec(), &[PROGRAM, b"\n"].concat(), &Vec::new()] {
        assert_eq!(verify(wrong, SIGNATURE, &key()), Err(SignatureFault::Wrong));
    }
}

#[test]
fn what_the_signature_says_cannot_be_changed() {
    let older = SIGNATURE.replace("9.9.9", "9.9.8");
    assert_ne!(older, SIGNATURE);
    assert_eq!(verify(PROGRAM, &older, &key()), Err(SignatureFault::Wrong));
}

#[test]
fn only_one_key_and_one_form_count() {
    let other_key = include_str!("../tests/golden/release/other-key.minisig");
    assert_eq!(verify(PROGRAM, other_key, &key()), Err(SignatureFault::Wrong));
    let legacy = include_str!("../tests/golden/release/legacy.minisig");
    assert_eq!(verify(PROGRAM, legacy, &key()), Err(SignatureFault::Wrong));
    let nameless = include_str!("../tests/golden/release/no-version.minisig");
    let fault = verify(PROGRAM, nameless, &key()).expect_err("it names no version");
    assert!(matches!(fault, SignatureFault::Comment(_)), "{fault}");
}

#[test]
fn a_signature_that_was_cut_is_none() {
    let lines: Vec<&str> = SIGNATURE.lines().collect();
    for count in 0..lines.len() {
        let cut = lines[..count].join("\n");
        assert!(verify(PROGRAM, &cut, &key()).is_err(), "{count} lines");
    }
    for bytes in 0..SIGNATURE.trim_end().len() {
        assert!(verify(PROGRAM, &SIGNATURE[..bytes], &key()).is_err(), "{bytes} bytes");
    }
    for no_key in ["", "RW", "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO"] {
        assert_eq!(no_key.parse::<Key>().err(), Some(SignatureFault::Key), "{no_key:?}");
    }
}

#[test]
fn versions_are_three_numbers_in_one_spelling() {
    let mut sorted = ["0.10.0", "0.2.0", "0.1.9", "1.0.0", "0.2.10"].map(version);
    sorted.sort();
    assert_eq!(sorted.map(|version| version.to_string()), ["0.1.9", "0.2.0", "0.2.10", "0.10.0", "1.0.0"]);
    for wrong in
        ["", "1", "1.2", "1.2.3.4", "1.2.x", "01.2.3", "+1.2.3", "1.2.3 ", "1.2.-3", "4294967296.0.0"]
    {
        assert!(wrong.parse::<Version>().is_err(), "{wrong:?}");
    }
}

#[test]
fn targets_and_digests_are_safe_names() {
    for target in ["linux-x86_64", "windows-x86_64", "linux-arm"] {
        assert!(is_target(target), "{target}");
    }
    for target in ["", ".", "..", "a/b", "a\\b", "A", "a.b", "a b", &"a".repeat(41)] {
        assert!(!is_target(target), "{target:?}");
    }
    assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea", "FIPS 180-2, appendix B.1");
    for wrong in ["", "ba7816bf8f01cfe", "BA7816BF8F01CFEA", "../../../../../../"] {
        assert!(Digest::try_from(wrong.to_owned()).is_err(), "{wrong:?}");
    }
}

#[test]
fn an_offer_concerns_whoever_runs_an_older_program_and_the_rest_when_it_says_so() {
    let offer = |older| Offer { version: version("0.2.0"), older, files: Vec::new() };
    let concerned = |older| ["0.1.9", "0.2.0", "0.2.1"].map(|own| offer(older).concerns(version(own)));
    assert_eq!(concerned(false), [true, false, false]);
    assert_eq!(concerned(true), [true, false, true]);
}

#[test]
fn an_offer_has_bounds() {
    let file =
        |target: &str, bytes| OfferedFile { target: target.to_owned(), bytes, digest: Digest::of(b"") };
    let offer = |files| Offer { version: version("0.2.0"), older: false, files };
    assert_eq!(offer(vec![file("linux-arm", 1)]).mistakes(), [""; 0]);
    let wrong =
        offer(vec![file("../etc", 1), file("linux-arm", 0), file("linux-arm", PROGRAM_BYTES_MAX + 1)]);
    assert_eq!(wrong.mistakes().len(), 3, "{:?}", wrong.mistakes());
    assert_eq!(offer(vec![file("linux-arm", 1); 17]).mistakes().len(), 1);
}
