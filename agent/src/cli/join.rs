//! `suar-agent join CODE`: identity and configuration, once in a machine's life.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use suar_machine::output::{say, tell};
use suar_wire::SiteCode;
use suar_wire::join_code::JoinCode;

use super::check::{self, Sender};
use super::{EXIT_TROUBLE, JoinArgs, refuse, start_log, words};
use crate::config::{self, Config};
use crate::files;
use crate::identity::Identity;
use crate::joining::{self, Existing, JoinFailure};
use crate::language::Language;
use crate::rejoined;
use crate::service::{self, Started};
use crate::spool::Beside;

/// Room that the configuration needs.
const CONFIG_ROOM_BYTES: usize = 16 * 1024;

pub async fn execute(args: JoinArgs) -> ExitCode {
    start_log("warn");
    let file = &args.config.config;
    // Joining again keeps what somebody changed in the file.
    let mut config = if file.exists() {
        match config::read(file) {
            Ok(config) => config,
            Err(mistakes) => return refuse(&mistakes),
        }
    } else {
        Config::default()
    };
    config.language = args.lang.map_or(config.language, Language::from);
    let language = config.language;
    if let Some(state) = &args.state {
        let Ok(state) = std::path::absolute(state) else {
            tell!("{}", words::not_a_directory(language, state));
            return ExitCode::from(EXIT_TROUBLE);
        };
        // Two agents on one machine must not share the status file either.
        config.runtime = state.clone();
        config.state = state;
    }

    // Given in several pieces when it was typed with spaces.
    let code: JoinCode = match args.code.join(" ").parse() {
        Ok(code) => code,
        Err(error) => {
            tell!("{}", words::code_mistyped(language, &error));
            return ExitCode::from(EXIT_TROUBLE);
        }
    };
    config.collector.clone_from(&code.address);
    config.fingerprint = code.fingerprint;
    // Tried before the code is used up.
    if let Err(error) = prepare(file) {
        tell!("{}", words::cannot_write(language, file, &error));
        return ExitCode::from(EXIT_TROUBLE);
    }
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let joined = match joining::join(&code, &config.state, existing).await {
        Ok(joined) => joined,
        Err(JoinFailure::AlreadyJoined { site, asked }) if site == asked && file.exists() => {
            // What was asked for is so already: a script that installs twice must not fail.
            say!("{}", JoinFailure::AlreadyJoined { site, asked }.message(language));
            return ExitCode::SUCCESS;
        }
        Err(failure) => {
            tell!("{}", failure.message(language));
            if failure.may_be_a_proxy() && proxy_is_set(|name| std::env::var_os(name)) {
                tell!("{}", words::proxy_is_not_used(language, &code.address));
            }
            tracing::debug!("{:#}", anyhow::Error::from(failure));
            return ExitCode::from(EXIT_TROUBLE);
        }
    };
    config.update_key = joined.update_key.or(config.update_key);
    // Readable by everybody: `suar-agent status` is for whoever sits there, and the secrets are elsewhere.
    if let Err(error) = files::replace_for_everybody(file, config::render(&config).as_bytes()) {
        tell!("{}", words::cannot_write(language, file, &error));
        return ExitCode::from(EXIT_TROUBLE);
    }
    say!("{}", words::joined(language, &joined.identity, file));
    if let Some(other) = installed_agent(&config::default_path(), file) {
        tell!("{}", words::second_agent(language, &other));
    }
    if let Some(before) = joined.before.filter(|_| something_waits(&config)) {
        let carried = rejoined::carried_file(&config.state, &before);
        say!("{}", words::left_from_before(language, &before, &carried));
    }
    // The service reads the default file; whoever named another one starts the agent in another way.
    let started = if *file == config::default_path() { service::start() } else { Started::NotInstalled };
    say!("{}", words::started(language, &started));
    if started == Started::Running {
        // What whoever stands there wants to know before leaving. That the line is down is no failure to join.
        let _ = check::execute(&config, language, Sender::StartedAgent).await;
    }
    ExitCode::SUCCESS
}

/// Records in the spool that are not receipted; a spool that cannot be read may have some.
fn something_waits(config: &Config) -> bool {
    let spool = Beside::open(&config.spool());
    spool.map_or(true, |spool| {
        spool.is_some_and(|spool| spool.segments().any(|part| part.map_or(true, |part| !part.is_empty())))
    })
}

fn prepare(file: &Path) -> std::io::Result<()> {
    let Some(directory) = file.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    files::make_directory(directory)?;
    files::try_room(directory, CONFIG_ROOM_BYTES)
}

/// The office of the agent that a package or a setup has installed here, when another one is to join beside it: both
/// would measure the same line, and both cost data.
fn installed_agent(installed: &Path, file: &Path) -> Option<SiteCode> {
    if installed == file {
        return None;
    }
    let config = config::read(installed).ok()?;
    Identity::read(&config.state).ok()?.map(|identity| identity.site)
}

/// Whether whoever sits here reaches the internet by a proxy, which this program does not do.
fn proxy_is_set(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    const NAMES: [&str; 6] =
        ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    NAMES.iter().any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use suar_wire::AgentId;

    #[test]
    fn a_second_agent_beside_an_installed_one_is_noticed_and_the_installed_one_itself_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let (installed, other) = (directory.path().join("agent.toml"), directory.path().join("other.toml"));
        assert_eq!(installed_agent(&installed, &other), None, "nothing is installed");
        let state = directory.path().join("state");
        let config = Config {
            collector: "suar.example:8443".to_owned(),
            state: state.clone(),
            runtime: state.clone(),
            ..Config::default()
        };
        std::fs::write(&installed, config::render(&config)).expect("a configuration");
        assert_eq!(installed_agent(&installed, &other), None, "it has not joined");
        let site: SiteCode = "19.02.02.2009".parse().expect("a code");
        let identity = Identity {
            agent: AgentId([1; 16]),
            token: "token".to_owned().try_into().expect("a token"),
            site: site.clone(),
            site_name: String::new(),
            online_key: "00".to_owned().try_into().expect("a key"),
        };
        files::make_directory(&state).expect("a directory");
        identity.write(&state).expect("an identity");
        assert_eq!(installed_agent(&installed, &other), Some(site));
        assert_eq!(installed_agent(&installed, &installed), None);
    }

    #[test]
    fn a_proxy_of_the_environment_is_noticed_in_either_spelling() {
        let set = |wanted: &'static str, value: &'static str| {
            move |name: &str| (name == wanted).then(|| OsString::from(value))
        };
        assert!(proxy_is_set(set("https_proxy", "http://10.0.0.1:3128")));
        assert!(proxy_is_set(set("HTTP_PROXY", "http://10.0.0.1:3128")));
        assert!(!proxy_is_set(set("HTTP_PROXY", "")));
        assert!(!proxy_is_set(|_| None));
    }
}
