//! What the collector shows, shared by everybody who shows it: the live state, the places, the standings.
//!
//! The edge around the pure `live` and `exposition`: locks, the store, and the work in the background.
//! Whoever looks at the live state gets a copy that shares what has not changed since, so that a page of many
//! thousand sites keeps no push waiting while it is written. A scrape never judges anything.

mod background;
#[cfg(unix)]
mod disk_unix;
mod restore;
mod source;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use suar_wire::SiteCode;

use crate::assessment::{AssessError, Assessment, Request, assess};
use crate::calendar::{Holidays, PeriodName};
use crate::coverage::Rules;
use crate::exposition::{self, Format, Own, Places, Scene, Standings};
use crate::live::{Accepted, Hours, Live};
use crate::region::Region;
use crate::store::{Reader, StoreError};

pub use background::{Pace, run};

/// The scope of the page that has the collector's own health and no place.
pub const OWN_SCOPE: &str = "collector";

/// What a board is made of.
#[derive(Debug)]
pub struct Options {
    /// The data directory.
    pub data: PathBuf,
    pub region: &'static Region,
    pub rules: Rules,
    pub holidays: Holidays,
    /// The plan's.
    pub push_seconds: u32,
    pub own: Own,
}

#[derive(Debug)]
pub struct Board {
    data: PathBuf,
    region: &'static Region,
    rules: Rules,
    holidays: Holidays,
    own: Own,
    live: RwLock<Arc<Live>>,
    places: RwLock<Arc<Places>>,
    standings: RwLock<Option<Arc<Standings>>>,
    /// Pushes with something new in them since the start: tells whether anything has changed.
    taken: AtomicU64,
}

/// What a reader of the board sees at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    pub now_ms: i64,
    pub places: Arc<Places>,
    pub standings: Option<Arc<Standings>>,
}

impl Board {
    /// Reads places, newest records and counters from the store; may take seconds for a large one. Also
    /// returns the newest inbox row that is counted: what comes later is to be taken.
    pub fn open(options: Options, now_ms: i64) -> Result<(Self, i64), StoreError> {
        let Options { data, region, rules, holidays, push_seconds, own } = options;
        let reader = Reader::open(&data)?;
        let places = Places::of(&reader.sites()?, region);
        let mut live = Live::new(push_seconds);
        // A file may be imported meanwhile: it is either counted here or taken later, never both.
        let ((), newest_row) =
            reader.at_one_moment(|reader| restore::restore(reader, &places, &holidays, &mut live, now_ms))?;
        let board = Self {
            data,
            region,
            rules,
            holidays,
            own,
            live: RwLock::new(Arc::new(live)),
            places: RwLock::new(Arc::new(places)),
            standings: RwLock::new(None),
            taken: AtomicU64::new(0),
        };
        Ok((board, newest_row))
    }

    /// Takes what pushes added, which is durable already. The first one after somebody looked copies the list of
    /// sites: not on a thread that serves others.
    pub fn take(&self, accepted: &[Accepted], now_ms: i64) {
        let places = self.places();
        // The background reads the registry before it hands over a push of a site that is new to us.
        let hours = |site: &SiteCode, at_ms| {
            places.site(site).map_or(Hours::Off, |place| place.hours_at(at_ms, &self.holidays))
        };
        self.change_live(|live| accepted.iter().for_each(|push| live.apply(push, now_ms, hours)));
        let new = accepted.iter().filter(|push| !push.records.is_empty()).count();
        self.taken.fetch_add(new as u64, Ordering::Relaxed);
    }

    /// Whether the site had been made when the registry was last read.
    pub fn knows(&self, site: &SiteCode) -> bool {
        self.places().site(site).is_some()
    }

    /// Reads the registry again: the command line may have changed it beside us.
    pub fn refresh(&self, now_ms: i64) -> Result<(), StoreError> {
        let reader = Reader::open(&self.data)?;
        let places = Places::of(&reader.sites()?, self.region);
        if *self.places() != places {
            *self.places.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(places);
        }
        let mut revoked = reader.agents()?;
        revoked.retain(|agent| agent.revoked_ms.is_some());
        // They are forgotten once, and their rows stay: a change for nothing would copy the list of sites each time.
        let live = self.live();
        revoked.retain(|agent| live.knows(&agent.site, agent.id));
        drop(live);
        if !revoked.is_empty() {
            self.change_live(|live| {
                revoked.iter().for_each(|agent| live.forget_agent(&agent.site, agent.id))
            });
        }
        let counts = reader.counts()?;
        self.own.store_bytes(counts.bytes);
        #[cfg(unix)]
        if let Some((free_bytes, size_bytes)) = disk_unix::room(&self.data) {
            self.own.disk(free_bytes, size_bytes);
        }
        self.own.pack_lag_seconds(
            counts.oldest_fresh_ms.map_or(0, |oldest_ms| (now_ms - oldest_ms).max(0) / 1000),
        );
        Ok(())
    }

    /// Judges the running quarter anew.
    pub fn judge(&self, now_ms: i64) -> Result<(), AssessError<StoreError>> {
        let quarter = PeriodName::quarter_at(now_ms.div_euclid(1000));
        let standings = Standings::of(&self.assess(quarter, None, now_ms)?, now_ms);
        *self.standings.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(standings));
        Ok(())
    }

    pub fn region(&self) -> &'static Region {
        self.region
    }

    /// Judges any period and scope; reads the store, so never on a thread that serves others.
    pub fn assess(
        &self,
        name: PeriodName,
        scope: Option<&str>,
        now_ms: i64,
    ) -> Result<Assessment, AssessError<StoreError>> {
        let Self { region, rules, holidays, .. } = self;
        let reader = Reader::open(&self.data).map_err(AssessError::Store)?;
        let now_s = now_ms.div_euclid(1000);
        assess(&reader, Request { region, rules, holidays, rules_at_s: None, name, scope, now_s })
    }

    /// The page for Prometheus: all of it, or the part that `scope` names, if there is such a part. It takes seconds
    /// for a country's fleet.
    pub fn metrics(&self, now_ms: i64, scope: Option<&str>, format: Format, zipped: bool) -> Option<Vec<u8>> {
        let Moment { places, standings, .. } = self.at(now_ms);
        let (places, own) = match scope {
            None => (places, Some(&self.own)),
            Some(OWN_SCOPE) => (Arc::new(Places::default()), Some(&self.own)),
            Some(code) => (Arc::new(places.within(code, self.region)?), None),
        };
        let open: BTreeSet<SiteCode> = (places.sites.iter())
            .filter(|place| place.hours_at(now_ms, &self.holidays) == Hours::Office)
            .map(|place| place.code().clone())
            .collect();
        let scene = Scene {
            now_ms,
            places: &places,
            holidays: &self.holidays,
            live: &self.live(),
            open: &open,
            standings: standings.as_deref(),
            own,
        };
        Some(exposition::render(&scene, format, zipped))
    }

    /// Places and standings as they are now.
    pub fn at(&self, now_ms: i64) -> Moment {
        let standings = self.standings.read().unwrap_or_else(PoisonError::into_inner).clone();
        Moment { now_ms, places: self.places(), standings }
    }

    /// The live state as it is now; pushes that come later do not change it.
    pub fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the live state of whoever looks next.
    fn change_live(&self, change: impl FnOnce(&mut Live)) {
        change(Arc::make_mut(&mut self.live.write().unwrap_or_else(PoisonError::into_inner)));
    }

    pub fn own(&self) -> &Own {
        &self.own
    }

    fn places(&self) -> Arc<Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}
