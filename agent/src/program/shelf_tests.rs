//! Small files instead of programs; the golden ones of the wire are signed.

use tempfile::TempDir;

use super::*;

const PROGRAM: &[u8] = include_bytes!("../../../wire/tests/golden/release/program");
const SIGNATURE: &[u8] = include_bytes!("../../../wire/tests/golden/release/program.minisig");

fn shelf() -> (TempDir, Shelf) {
    let state = TempDir::new().expect("a directory");
    let key = include_str!("../../../wire/tests/golden/release/key").trim().parse().expect("a key");
    let shelf = Shelf::new(state.path(), key, "linux-x86_64".to_owned());
    assert!(shelf.lock().expect("locked").is_some());
    (state, shelf)
}

fn build(version: &str, program: &[u8]) -> Build {
    Build { version: version.parse().expect("a version"), digest: Digest::of(program) }
}

fn signed() -> Build {
    build("9.9.9", PROGRAM)
}

fn missing(shelf: &Shelf, build: &Build) -> Missing {
    shelf.missing(build, PROGRAM.len() as u64).expect("looked at")
}

fn names(shelf: &Shelf) -> Vec<String> {
    let entries = fs::read_dir(shelf.directory()).expect("listed");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_program_comes_piece_by_piece_and_is_one_when_its_signature_is_right() {
    let (_state, shelf) = shelf();
    let build = signed();
    assert_eq!(missing(&shelf, &build), Missing::Signature);
    shelf.put_signature(&build, SIGNATURE).expect("written");
    assert_eq!(missing(&shelf, &build), Missing::Piece { from: 0 });
    let (first, second) = PROGRAM.split_at(20);
    shelf.append(&build, 0, first).expect("written");
    assert_eq!(missing(&shelf, &build), Missing::Piece { from: 20 });
    shelf.append(&build, 20, second).expect("written");
    assert_eq!(missing(&shelf, &build), Missing::Check);
    assert_eq!(shelf.finish(&build).expect("read"), Ok(()));
    assert_eq!(missing(&shelf, &build), Missing::Nothing);
    let program = shelf.verified(&build).expect("read").expect("right");
    assert_eq!(fs::read(&program).expect("read"), PROGRAM);

    fs::write(&program, &PROGRAM[1..]).expect("spoiled");
    assert_eq!(shelf.verified(&build).expect("read"), Err(SignatureFault::Wrong));
}

#[test]
fn what_is_not_what_was_announced_is_thrown_away_and_may_come_once_more() {
    let (_state, shelf) = shelf();
    let other = b"not what was signed".to_vec();
    // Announced as it is, but nobody has signed it; and signed, but as another version.
    for (build, content) in [(build("9.9.9", &other), other.as_slice()), (build("9.9.8", PROGRAM), PROGRAM)] {
        for is_final in [false, true] {
            shelf.put_signature(&build, SIGNATURE).expect("written");
            shelf.append(&build, 0, content).expect("written");
            assert!(shelf.finish(&build).expect("read").is_err(), "{build}");
            let failure = shelf.note_failure(&build, Why::Signature).expect("noted");
            assert_eq!((failure.is_final(), shelf.failure(&build)), (is_final, Some(failure)));
            assert_eq!(missing(&shelf, &build), Missing::Signature);
        }
    }
}

#[test]
fn after_a_restart_the_last_piece_comes_again() {
    let (_state, shelf) = shelf();
    let build = signed();
    let piece = PIECE_BYTES;
    shelf.distrust_last_piece(&build).expect("there is nothing");
    shelf.put_signature(&build, SIGNATURE).expect("written");
    for (len, sure) in
        [(0, 0), (1, 0), (piece, 0), (piece + 1, piece), (2 * piece, piece), (3 * piece - 1, 2 * piece)]
    {
        File::create(shelf.part(&build)).and_then(|part| part.set_len(len)).expect("made");
        shelf.distrust_last_piece(&build).expect("cut");
        assert_eq!(
            shelf.missing(&build, 9 * piece).expect("looked at"),
            Missing::Piece { from: sure },
            "{len}"
        );
    }
}

#[test]
fn a_program_may_fail_as_often_as_its_failure_may_be_the_world_s_doing() {
    let (_state, shelf) = shelf();
    for (why, times) in [
        (Why::Crashed, 1),
        (Why::SelfTest, 1),
        (Why::Signature, 2),
        (Why::Unrunnable, 2),
        (Why::Unreached, 3),
    ] {
        let build = build("1.0.0", &[why as u8]);
        let is_final: Vec<bool> =
            (0..times).map(|_| shelf.note_failure(&build, why).expect("noted").is_final()).collect();
        assert_eq!(is_final.iter().filter(|is_final| **is_final).count(), 1, "{why:?}");
        assert_eq!(is_final.last(), Some(&true), "{why:?}");
    }
}

#[test]
fn what_is_of_no_use_any_more_is_removed() {
    let (_state, shelf) = shelf();
    let (kept, gone) = (signed(), build("9.9.8", b"gone"));
    for build in [&kept, &gone] {
        shelf.put_signature(build, SIGNATURE).expect("written");
        shelf.append(build, 0, b"some of it").expect("written");
        shelf.note_failure(build, Why::Unreached).expect("noted");
    }
    shelf.keep_only(&[&kept]).expect("removed");
    assert_eq!(names(&shelf).iter().filter(|name| name.contains(&kept.to_string())).count(), 3);
    assert!(!names(&shelf).iter().any(|name| name.contains(&gone.to_string())), "{:?}", names(&shelf));
    shelf.throw_away(&kept);
    let left: Vec<String> = names(&shelf).into_iter().filter(|name| name != "lock").collect();
    assert_eq!(left, [format!("suar-agent-{kept}.failed")], "why it is not to come again");
}

#[test]
fn there_is_one_launcher() {
    let (_state, shelf) = shelf();
    let held = shelf.lock().expect("locked").expect("the first is gone");
    assert!(shelf.lock().expect("looked at").is_none());
    drop(held);
    assert!(shelf.lock().expect("locked").is_some());
}
