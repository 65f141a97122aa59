//! `suar-collector join-code` as an administrator uses it: codes for scripts, QR codes for eyes, sheets for paper.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use suar_wire::join_code::JoinCode;

const SITES: [&str; 2] = ["19.02.02.2009", "19.02.03.2001"];

fn collector(directory: &Path, arguments: &[&str]) -> Output {
    let config = directory.join("data/collector.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_suar-collector"));
    command.args(arguments).arg("--config").arg(config).output().expect("it runs")
}

fn with_two_sites() -> tempfile::TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let data = directory.path().join("data");
    let mut init = Command::new(env!("CARGO_BIN_EXE_suar-collector"));
    init.args(["init", "--public-address", "suar.example.go.id:8443", "--data"]).arg(data);
    assert!(init.output().expect("it runs").status.success());
    for site in SITES {
        said(&collector(directory.path(), &["site", "add", site]));
    }
    directory
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output, expected: &str) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains(expected), "{said}");
    assert!(output.stdout.is_empty(), "a code went out with a refusal");
}

#[test]
fn a_script_reads_the_code_alone_and_a_picture_is_drawn_when_asked_for() {
    let directory = with_two_sites();
    let plain = said(&collector(directory.path(), &["join-code", SITES[0]]));
    assert!(plain.trim_end().parse::<JoinCode>().is_ok_and(|code| code.site.as_str() == SITES[0]), "{plain}");
    let drawn = said(&collector(directory.path(), &["join-code", SITES[0], "--qr"]));
    let (code, picture) = drawn.split_once('\n').expect("a line and a picture");
    assert!(code.parse::<JoinCode>().is_ok(), "{code}");
    assert!(picture.contains('█') && picture.lines().all(|line| line.ends_with("\x1b[0m")), "{picture}");
}

#[test]
fn sheets_of_several_sites_have_the_codes_that_were_printed_and_only_their_owner_reads_them() {
    let directory = with_two_sites();
    let file = directory.path().join("lembar.html");
    let path = file.display().to_string();
    let lines = said(&collector(directory.path(), &["join-code", SITES[0], SITES[1], "--sheet", &path]));
    let html = std::fs::read_to_string(&file).expect("a sheet");
    assert_eq!(html.matches("<section").count(), SITES.len());
    for (line, site) in lines.lines().zip(SITES) {
        let (named, code) = line.split_once(' ').expect("a site and its code");
        assert_eq!((named, code.parse::<JoinCode>().expect("a code").site.as_str()), (site, site));
        let groups = code.replace('-', "</span><wbr><span>");
        assert!(html.contains(&groups), "the code of {site} is not on the sheet");
    }
    assert_eq!(lines.lines().count(), SITES.len());
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn no_code_is_made_for_a_sheet_that_cannot_be_written_or_beside_a_site_that_is_none() {
    let directory = with_two_sites();
    let file = directory.path().join("lembar.html");
    std::fs::write(&file, "kept").expect("a file");
    let path = file.display().to_string();
    refused(&collector(directory.path(), &["join-code", SITES[0], "--sheet", &path]), "is there already");
    assert_eq!(std::fs::read_to_string(&file).expect("it is left alone"), "kept");
    refused(&collector(directory.path(), &["join-code", SITES[0], "19.02.02.9999"]), "19.02.02.9999");
    let nowhere = directory.path().join("none/lembar.html").display().to_string();
    refused(&collector(directory.path(), &["join-code", SITES[0], "--sheet", &nowhere]), "none/lembar.html");
}

#[test]
fn codes_are_listed_without_their_secrets_and_taken_back_all_or_none() {
    let directory = with_two_sites();
    let make = |arguments: &[&str]| {
        let code = said(&collector(directory.path(), &[&["join-code"], arguments].concat()));
        code.trim_end().parse::<JoinCode>().expect("a code")
    };
    let lost = make(&[SITES[0]]);
    let kept = make(&[SITES[1], "--uses", "3"]);
    let list = |more: &[&str]| said(&collector(directory.path(), &[&["join-code", "list"], more].concat()));
    let listed = list(&[]);
    let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert_eq!((lines[1][1], &lines[1][3..]), (SITES[0], &["1", "0", "open"][..]), "{listed}");
    assert_eq!((lines[2][1], &lines[2][3..]), (SITES[1], &["3", "0", "open"][..]), "{listed}");
    for code in [&lost, &kept] {
        let secret: String = code.secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let letters = code.to_string();
        // The last groups are the secret's: what stands before them any two codes of this collector share.
        let tail = letters.rsplit('-').nth(1).expect("groups");
        assert!(!listed.contains(&secret) && !listed.contains("SUAR1") && !listed.contains(tail), "{listed}");
    }

    let revoke = |codes: &[&str]| collector(directory.path(), &[&["join-code", "revoke"], codes].concat());
    refused(&revoke(&[lines[1][0], "000000000000"]), "000000000000");
    let mut mistyped = kept.to_string();
    mistyped.pop();
    refused(&revoke(&[&mistyped]), "join-code list");
    assert_eq!(list(&[]), listed, "all of them or none");
    assert!(said(&revoke(&[lines[1][0]])).contains("nobody joined with it"));
    let open = list(&["--open"]);
    assert!(!open.contains(SITES[0]) && open.contains(SITES[1]), "{open}");
    assert!(list(&[]).lines().nth(1).is_some_and(|line| line.contains("revoked 20")), "{}", list(&[]));
    // As it stands on the sheet that went astray, typed in lower case.
    let typed = kept.to_string().to_lowercase();
    assert!(said(&revoke(&[&typed])).contains(SITES[1]));
    assert_eq!(list(&["--open"]).lines().count(), 1);
    // A site that is called like a command is none; a code is still made with the configuration named first.
    refused(&collector(directory.path(), &["join-code", SITES[0], "list"]), "list");
}
