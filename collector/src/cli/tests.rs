use clap::CommandFactory;

use super::*;

/// Set to renew the golden text; then look at the difference.
const RENEW: &str = "SUAR_RENEW";

#[test]
fn the_help_of_every_command_is_the_golden_one() {
    let mut command = Arguments::command();
    command.build();
    let mut help = section(&mut command.clone());
    for sub in command.get_subcommands_mut().filter(|sub| !sub.is_hide_set()) {
        help.push_str(&section(sub));
        for sub in sub.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
            help.push_str(&section(sub));
        }
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/help.txt");
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(file, &help).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(file).unwrap_or_default();
    assert!(help == golden, "the help changed; renew {file} with {RENEW}=1:\n{help}");
}

fn section(command: &mut clap::Command) -> String {
    let name = command.get_bin_name().unwrap_or("suar-collector").to_owned();
    format!("=== {name}\n{}\n", command.render_long_help())
}

#[test]
fn the_arguments_contradict_nothing() {
    Arguments::command().debug_assert();
}
