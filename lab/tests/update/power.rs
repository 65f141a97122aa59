//! Power cut at every file operation while programs come, are tried, kept and given up: whatever the disk has kept, what
//! runs then is the installed program or one with a right signature that was not given up, and life goes on.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use suar_agent::program::choice::{self, Choice, Chosen};
use suar_agent::program::shelf::{Missing, Shelf, Why};
use suar_agent::program::{Build, target};
use suar_lab::disk::Disk;
use suar_lab::disk::cut::{Survives, after};
use suar_lab::netns;
use suar_lab::seed::{Random, printed_seed};
use suar_lab::signer::Signer;
use suar_wire::release::{Digest, Key, PIECE_BYTES, Version};

/// Ways in which each moment's disk is looked at, besides "everything" and "only what had to survive".
const DRAWN_A_MOMENT: u64 = 4;
/// Images are written here: memory, because nothing of it has to last.
const IMAGES: &str = "/dev/shm";
/// Steps of a program from nothing to the end, and some more.
const STEPS_MAX: usize = 40;

/// A program as the collector has it.
struct Offered {
    build: Build,
    program: Vec<u8>,
    signature: Vec<u8>,
}

struct Programs {
    key: Key,
    /// Works.
    good: Offered,
    /// Passes its own test and crashes.
    crashing: Offered,
    /// Is not what was signed.
    forged: Offered,
}

/// From which moment on it is durable that...
#[derive(Debug, Default)]
struct Promises {
    good_is_kept: usize,
    crashing_is_tried: usize,
    crashing_is_given_up: usize,
    forged_is_given_up: usize,
}

#[test]
fn whatever_a_power_cut_leaves_what_runs_is_right_and_life_goes_on() {
    if !netns::can_run_here("whatever_a_power_cut_leaves_what_runs_is_right_and_life_goes_on") {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let programs = signed(directory.path()).expect("signed programs");
    let seed = printed_seed("power cuts during updates");
    let at = directory.path().join("disk");
    std::fs::create_dir(&at).expect("made");
    let disk = Disk::mount(&at).expect("a disk of the lab");
    let promises = live(&disk, &programs).expect("a life");
    let events = disk.events();
    let mut looked_at = 0;
    for moment in 0..=events.len() {
        let mut random = Random::from_seed(seed ^ (moment as u64) << 20);
        let drawn = (0..DRAWN_A_MOMENT).map(|_| Survives::Some(random.next_u64()));
        for way in [Survives::Everything, Survives::WhatHadTo].into_iter().chain(drawn) {
            let image = tempfile::tempdir_in(IMAGES).expect("a directory");
            after(&events, moment, way).write(image.path()).expect("written");
            judge(image.path(), &programs, &promises, moment)
                .with_context(|| format!("seed {seed}, power cut behind event {moment}, {way:?}"))
                .expect("a machine that works");
            looked_at += 1;
        }
    }
    println!("{} file operations, {looked_at} disks; {promises:?}", events.len());
    assert!(events.len() > 60, "only {} file operations", events.len());
}

fn signed(directory: &Path) -> Result<Programs> {
    let signer = Signer::new(&directory.join("signer"))?;
    let mut random = Random::from_seed(7);
    let mut offered = |version: &str, bytes: u64| -> Result<Offered> {
        let program: Vec<u8> = (0..bytes).map(|_| random.next_u64() as u8).collect();
        let path = directory.join(version);
        std::fs::write(&path, &program)?;
        let signature = std::fs::read(signer.sign(&path, version)?)?;
        let build = Build { version: version.parse::<Version>()?, digest: Digest::of(&program) };
        Ok(Offered { build, program, signature })
    };
    let good = offered("0.2.0", 2 * PIECE_BYTES + 100)?;
    let crashing = offered("0.3.0", PIECE_BYTES + 1)?;
    let mut forged = offered("0.4.0", 3_000)?;
    forged.program[5] ^= 1;
    forged.build.digest = Digest::of(&forged.program);
    let key = signer.key.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(Programs { key, good, crashing, forged })
}

fn shelf(state: &Path, programs: &Programs) -> Shelf {
    Shelf::new(state, programs.key.clone(), target())
}

fn installed() -> Version {
    suar_agent::program::own_version()
}

/// As agent and launcher do it, without processes: what they do to the disk is theirs.
fn live(disk: &Disk, programs: &Programs) -> Result<Promises> {
    let state = disk.path().join("state");
    let shelf = shelf(&state, programs);
    let mut promises = Promises::default();
    drop(shelf.lock()?);
    let mut choice = Choice::default();

    ensure!(fetch(&shelf, &programs.good, usize::MAX)?, "a good program is taken");
    try_out(&shelf, &mut choice, &programs.good.build)?;
    choice.reached();
    choice::write(shelf.directory(), &choice)?;
    promises.good_is_kept = disk.moment();
    shelf.keep_only(&choice.builds())?;

    // Its first pieces, a restart, and the rest.
    fetch(&shelf, &programs.crashing, 2)?;
    shelf.distrust_last_piece(&programs.crashing.build)?;
    ensure!(fetch(&shelf, &programs.crashing, usize::MAX)?, "its signature is right");
    try_out(&shelf, &mut choice, &programs.crashing.build)?;
    promises.crashing_is_tried = disk.moment();
    while !choice.crashed() {
        choice::write(shelf.directory(), &choice)?;
        choice.may_start_trial();
        choice::write(shelf.directory(), &choice)?;
    }
    give_up(&shelf, &mut choice, &programs.crashing.build, Why::Crashed)?;
    promises.crashing_is_given_up = disk.moment();

    for _ in 0..2 {
        ensure!(!fetch(&shelf, &programs.forged, usize::MAX)?, "its signature is wrong");
    }
    promises.forged_is_given_up = disk.moment();
    Ok(promises)
}

/// Up to so many steps; whether there is a program then.
fn fetch(shelf: &Shelf, offered: &Offered, steps: usize) -> Result<bool> {
    let build = &offered.build;
    for _ in 0..steps.min(STEPS_MAX) {
        match shelf.missing(build, offered.program.len() as u64)? {
            Missing::Signature => shelf.put_signature(build, &offered.signature)?,
            Missing::Piece { from } => {
                let from_byte = from as usize;
                let until = (from_byte + PIECE_BYTES as usize).min(offered.program.len());
                shelf.append(build, from, &offered.program[from_byte..until])?;
            }
            Missing::Check => {
                if shelf.finish(build)?.is_err() {
                    shelf.note_failure(build, Why::Signature)?;
                    shelf.throw_away(build);
                    return Ok(false);
                }
            }
            Missing::Nothing => return Ok(true),
        }
    }
    ensure!(steps < STEPS_MAX, "{build} never comes to its end");
    Ok(false)
}

fn try_out(shelf: &Shelf, choice: &mut Choice, build: &Build) -> Result<()> {
    choice.begin_trial(build.clone(), installed());
    choice::write(shelf.directory(), choice)?;
    ensure!(choice.may_start_trial(), "it was never started");
    Ok(choice::write(shelf.directory(), choice)?)
}

fn give_up(shelf: &Shelf, choice: &mut Choice, build: &Build, why: Why) -> Result<()> {
    shelf.note_failure(build, why)?;
    choice.give_up();
    choice::write(shelf.directory(), choice)?;
    shelf.throw_away(build);
    Ok(())
}

/// What starts on this disk, as the launcher finds it: the programs that it has to give up on the way are given up.
fn starts(shelf: &Shelf) -> Result<Chosen> {
    let mut choice = choice::read(shelf.directory());
    loop {
        let chosen = choice.chosen(installed());
        let build = match &chosen {
            Chosen::Installed => return Ok(chosen),
            Chosen::Good(build) | Chosen::Trial(build) => build.clone(),
        };
        if matches!(shelf.verified(&build), Ok(Ok(_))) {
            return Ok(chosen);
        }
        give_up(shelf, &mut choice, &build, Why::Unrunnable)?;
    }
}

fn judge(image: &Path, programs: &Programs, promises: &Promises, moment: usize) -> Result<()> {
    let state = image.join("state");
    let shelf = shelf(&state, programs);
    drop(shelf.lock()?);
    let held = |from: usize| from <= moment;
    let (good, crashing) = (&programs.good.build, &programs.crashing.build);
    let chosen = starts(&shelf)?;
    let expected: &[Chosen] = &match moment {
        _ if held(promises.crashing_is_given_up) => vec![Chosen::Good(good.clone())],
        _ if held(promises.good_is_kept) => {
            vec![Chosen::Good(good.clone()), Chosen::Trial(crashing.clone())]
        }
        _ => vec![Chosen::Installed, Chosen::Trial(good.clone()), Chosen::Good(good.clone())],
    };
    ensure!(expected.contains(&chosen), "{chosen:?} runs, and not one of {expected:?}");
    if held(promises.crashing_is_given_up) {
        ensure!(shelf.failure(crashing).is_some_and(|known| known.is_final()), "it would be tried again");
    }
    if held(promises.forged_is_given_up) {
        let known = shelf.failure(&programs.forged.build);
        ensure!(known.is_some_and(|known| known.is_final()), "it would be fetched again");
    }

    // The collector still offers the good one: it is here in the end, whatever was on the way.
    shelf.distrust_last_piece(good)?;
    let comes = (0..3).any(|_| fetch(&shelf, &programs.good, usize::MAX).is_ok_and(|comes| comes));
    ensure!(comes, "it does not come any more");
    ensure!(shelf.verified(good)?.is_ok(), "what came is not it");
    let mut choice = choice::read(shelf.directory());
    try_out(&shelf, &mut choice, good)?;
    choice.reached();
    choice::write(shelf.directory(), &choice)?;
    ensure!(starts(&shelf)? == Chosen::Good(good.clone()), "it does not stay");
    Ok(())
}
