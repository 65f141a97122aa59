//! `join-code list` and `join-code revoke`: which codes could still let somebody in, and taking them back. Codes are
//! named by the beginning of their secret's hash: the secret itself is not kept, and nobody is shown it again.

use anyhow::bail;
use suar_machine::output::say;
use suar_wire::join_code::JoinCode as Code;

use crate::config::Config;
use crate::secrets;
use crate::store::Reader;
use crate::store::admin::Admin;
use crate::store::joining::KeptCode;
use crate::wall_clock::{moment, now_ms};

/// Letters of a hash that tell codes apart for people; sixteen million codes would have one pair alike.
const ID_LETTERS: usize = 12;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List codes of the last year by site; their secrets are not kept, and nobody is shown them again
    List {
        /// Only those that somebody could still join with
        #[arg(long)]
        open: bool,
    },
    /// Take codes back, all of these or none; agents that joined with them stay
    Revoke {
        /// Ids as `join-code list` shows them, or the codes themselves
        #[arg(required = true, num_args = 1.., value_name = "CODE")]
        codes: Vec<String>,
    },
}

pub fn run(command: &Command, config: &Config) -> anyhow::Result<()> {
    let codes = Reader::open(&config.data)?.join_codes()?;
    match command {
        Command::List { open } => list(&codes, *open),
        Command::Revoke { codes: named } => revoke(&codes, named, config),
    }
}

fn list(codes: &[KeptCode], only_open: bool) -> anyhow::Result<()> {
    let now_ms = now_ms();
    say!("{:<ID_LETTERS$}  {:<20}  {:<20}  {:>4}  {:>6}  state", "code", "site", "expires", "left", "joined");
    for code in codes {
        let state = State::of(code, now_ms);
        if only_open && state != State::Open {
            continue;
        }
        let (site, expires) = (code.site.as_str(), moment(code.expires_ms));
        let KeptCode { uses_left, agents, .. } = code;
        say!("{}  {site:<20}  {expires:<20}  {uses_left:>4}  {agents:>6}  {}", id(code), state.words());
    }
    Ok(())
}

fn revoke(codes: &[KeptCode], named: &[String], config: &Config) -> anyhow::Result<()> {
    let found: Vec<&KeptCode> = named.iter().map(|name| find(codes, name)).collect::<anyhow::Result<_>>()?;
    let mut admin = Admin::open(&config.data)?;
    let now_ms = now_ms();
    for code in found {
        if !admin.revoke_join_code(&code.secret_hash, now_ms)? {
            bail!("the code {} was deleted meanwhile", id(code));
        }
        let stay = match code.agents {
            0 => "nobody joined with it".to_owned(),
            agents => format!("{agents} that joined with it stay: `agent revoke` is for them"),
        };
        say!("{} of {} is revoked: {stay}", id(code), code.site);
    }
    Ok(())
}

/// By its id, or by the code itself as it stands on a sheet.
fn find<'a>(codes: &'a [KeptCode], name: &str) -> anyhow::Result<&'a KeptCode> {
    let typed = name.parse::<Code>().ok().map(|code| secrets::hash(&code.secret));
    let found = codes.iter().find(|code| match typed {
        Some(hash) => code.secret_hash == hash,
        None => id(code).eq_ignore_ascii_case(name),
    });
    // What was typed may be a code with a mistake in it: it is not printed.
    found.ok_or_else(|| {
        let what = if name.len() == ID_LETTERS { format!("{name:?}") } else { "that is named".to_owned() };
        anyhow::anyhow!("there is no join code {what}; `suar-collector join-code list` shows the ids")
    })
}

fn id(code: &KeptCode) -> String {
    let mut id = data_encoding::HEXLOWER.encode(&code.secret_hash);
    id.truncate(ID_LETTERS);
    id
}

/// In the order in which a join asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Revoked { at_ms: i64 },
    UsedUp,
    Expired,
    Open,
}

impl State {
    fn of(code: &KeptCode, now_ms: i64) -> Self {
        match code.revoked_ms {
            Some(at_ms) => Self::Revoked { at_ms },
            None if code.uses_left <= 0 => Self::UsedUp,
            None if code.expires_ms <= now_ms => Self::Expired,
            None => Self::Open,
        }
    }

    fn words(self) -> String {
        match self {
            Self::Revoked { at_ms } => format!("revoked {}", moment(at_ms)),
            Self::UsedUp => "used up".to_owned(),
            Self::Expired => "expired".to_owned(),
            Self::Open => "open".to_owned(),
        }
    }
}
