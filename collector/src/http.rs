//! What the collector answers over HTTP, and to whom.
//!
//! | path | who | module |
//! |---|---|---|
//! | `POST /v1/push` | an agent, by its token | `push` |
//! | `GET /v1/plan` | an agent, by its token | `plan` |
//! | `GET /v1/bandwidth` | an agent, by its token | `bandwidth` |
//! | `GET /v1/program/...` | an agent, by its token | `program` |
//! | `POST /v1/join` | anyone with a join code | `join` |
//! | `GET /v1/online` | anyone; also on the plain listener | `online` |
//! | `GET /healthz`, `/readyz` | anyone; the first also on the plain listener | `health` |
//! | `GET /metrics`, `/api/*` | a reader, by token or address | `auth` guards them |
//! | `POST /api/v1/read` | the same readers: history for Prometheus | `remote_read` |

pub mod answer;
pub mod api;
pub mod auth;
pub mod bandwidth;
pub mod body;
pub mod health;
pub mod join;
pub mod listen;
pub mod metrics;
pub mod online;
pub mod plan;
pub mod program;
pub mod push;
pub mod rates;
pub mod remote_read;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::Router;
use axum::routing::{get, post};
use suar_wire::{AgentId, Plan};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::ingest::{IngestCounters, RoomForRecords};
use crate::store::writer::Job;
use rates::Rates;

/// The client's address, put into each request by the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client(pub IpAddr);

/// What all handlers share.
#[derive(Debug)]
pub struct App {
    pub config: Config,
    /// The plan of all, of which each site's is made; numbered by the store.
    pub plan: Plan,
    pub counters: Arc<IngestCounters>,
    pub readers: auth::ReaderPool,
    /// To the store's writer; full means busy.
    pub jobs: mpsc::Sender<Job>,
    pub room: RoomForRecords,
    pub online_key: Vec<u8>,
    /// When sites test their bandwidth.
    pub timetable: bandwidth::Timetable,
    pub push_rates: Rates<AgentId>,
    /// Failed joins by address.
    pub join_rates: Rates<IpAddr>,
    /// Set while the collector stops: load balancers send nobody here any more.
    pub stopping: AtomicBool,
}

/// Everything over TLS. `reading` is what readers see (`/metrics`, `/api`), not yet guarded.
pub fn router(app: Arc<App>, reading: Router) -> Router {
    let guard = axum::middleware::from_fn_with_state(Arc::clone(&app), auth::readers_only);
    Router::new()
        .route("/v1/push", post(push::push))
        .route("/v1/plan", get(plan::plan))
        .route("/v1/bandwidth", get(bandwidth::bandwidth))
        .route("/v1/program/{version}/{target}", get(program::piece))
        .route("/v1/program/{version}/{target}/signature", get(program::signature))
        .route("/v1/join", post(join::join))
        .route("/v1/online", get(online::online))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .with_state(Arc::clone(&app))
        .merge(reading.layer(guard))
        .fallback(answer::nothing_here)
}

/// The plain listener: nothing secret, nothing that changes anything.
pub fn plain_router(app: Arc<App>) -> Router {
    Router::new()
        .route("/v1/online", get(online::online))
        .route("/healthz", get(health::alive))
        .with_state(app)
        .fallback(answer::nothing_here)
}
