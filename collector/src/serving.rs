//! A running collector: the parts put together, started and ended in the right order.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::{mpsc, watch};

use crate::bandwidth::{Datagrams, Desk};
use crate::board::{self, Board};
use crate::config::Config;
use crate::exposition::Own;
use crate::history;
use crate::http::listen::{Listener, Options};
use crate::http::rates::Rates;
use crate::http::{self, App, auth};
use crate::ingest::{ACCEPTED_WAITING_MAX, IngestCounters, RoomForRecords, Witnesses, packing};
use crate::region::Region;
use crate::remote_write;
use crate::store::admin::Admin;
use crate::store::writer::{Job, Shared, ToLive, Writer};
use crate::store::{check, schema};
use crate::tls;
use crate::wall_clock::now_ms;

/// A kept-alive connection may be silent for this many push intervals, and never less than a minute.
const IDLE_PUSHES: u32 = 3;
const IDLE_TIME_MIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Serving {
    app: Arc<App>,
    /// Where it listens, HTTPS first; ports that were 0 are known here.
    pub addresses: Vec<SocketAddr>,
    listeners: Vec<tokio::task::JoinHandle<()>>,
    stop: watch::Sender<bool>,
    stop_packing: std::sync::mpsc::Sender<()>,
    packing: JoinHandle<()>,
    stop_sending: std::sync::mpsc::Sender<()>,
    sending: Option<JoinHandle<()>>,
    writing: JoinHandle<()>,
    /// Held as long as this serves.
    _lock: File,
}

impl Serving {
    /// Serves when it returns. Everything that can be wrong is tried before the first connection.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let mut admin = Admin::open(&config.data)?;
        let lock = schema::serve_alone(&config.data)?;
        // A damaged main file must not be written to: agents keep their records until it is restored.
        check::quick(&config.data).context(
            "the store is not whole and is left alone; `suar-collector check-store` tells more, a backup restores it",
        )?;
        let plan = admin.number_plan(&config.plan)?;
        let region = admin.region()?;
        if admin.date_rules(&config.coverage, &config.holidays, now_ms())? {
            tracing::info!("thresholds or special days have changed; they count from now on");
        }
        // Before the first record: it tells those who keep records whether to note them for the receiver.
        let receiver = config.remote_write.as_ref().map(remote_write::Client::new).transpose()?;
        let forgotten = admin.switch_remote_write(receiver.is_some())?;
        if forgotten > 0 {
            tracing::warn!(
                pushes = forgotten,
                "remote write is off; what waited for its receiver is forgotten"
            );
        }
        drop(admin);
        let online_key = tls::online_key(&config.data)?;
        let tls_config = tls::server_config(&config)?;
        let counters = Arc::new(IngestCounters::new(Own::new(now_ms())));
        let (accepted_in, accepted) = mpsc::channel(ACCEPTED_WAITING_MAX);
        let (jobs, waiting_jobs) = mpsc::channel(config.limits.queue_pushes);
        let app = Arc::new(App {
            readers: auth::ReaderPool::new(config.data.clone()),
            counters: Arc::clone(&counters),
            jobs: jobs.clone(),
            room: RoomForRecords::new(config.limits.queue_records),
            online_key,
            timetable: http::bandwidth::Timetable::default(),
            push_rates: Rates::new(config.limits.pushes_a_minute),
            join_rates: Rates::new(http::join::FAILED_A_MINUTE),
            stopping: AtomicBool::new(false),
            plan,
            config,
        });
        let (board, counted_row) = board(&app, region).await?;
        let witnesses = Arc::<Witnesses>::default();
        let writer = Writer::open(
            &app.config.data,
            Shared {
                counters: Arc::clone(&counters),
                plan: app.plan.clone(),
                witnesses: Arc::clone(&witnesses),
                live: Some(ToLive { accepted: accepted_in, counted_row }),
            },
        )?;
        let history = http::remote_read::Options {
            data: app.config.data.clone(),
            holidays: app.config.holidays.clone(),
            limits: history::Limits::STANDARD,
            own: counters.own().clone(),
        };
        let reading = http::metrics::routes(Arc::clone(&board))
            .merge(http::api::routes(Arc::clone(&board)))
            .merge(http::remote_read::routes(history));
        let listeners = bind(&app, tls_config, reading).await?;

        let writing = spawn("writer", move || writer.run(waiting_jobs))?;
        let packer = packing::Packer {
            data: app.config.data.clone(),
            options: app.config.store.clone(),
            jobs: jobs.clone(),
            witnesses,
        };
        let (stop_packing, packing_stops) = std::sync::mpsc::channel();
        let packing = spawn("packer", move || packer.run(&packing_stops))?;

        let (stop_sending, sending_stops) = std::sync::mpsc::channel();
        let sending = receiver.map(|client| sender(&app, client)).transpose()?;
        let sending =
            sending.map(|sender| spawn("remote-write", move || sender.run(&sending_stops))).transpose()?;

        let (stop, stops) = watch::channel(false);
        tokio::spawn(board::run(board, accepted, board::Pace::STANDARD, stops.clone()));
        let addresses = listeners.iter().map(Listener::address).collect::<Result<_, _>>()?;
        let listeners =
            listeners.into_iter().map(|listener| tokio::spawn(listener.serve(stops.clone()))).collect();
        tracing::info!(https = %app.config.listen.https, plan = app.plan.version, "the collector serves");
        Ok(Self {
            app,
            addresses,
            listeners,
            stop,
            stop_packing,
            packing,
            stop_sending,
            sending,
            writing,
            _lock: lock,
        })
    }

    pub fn counters(&self) -> &IngestCounters {
        &self.app.counters
    }

    /// Lets running requests end, then puts everything to disk.
    pub async fn stop(self) -> anyhow::Result<()> {
        tracing::info!("the collector stops: no new requests, then everything to disk");
        self.app.stopping.store(true, Ordering::Relaxed);
        let _ = self.stop.send(true);
        for listener in self.listeners {
            listener.await.context("a listener")?;
        }
        drop(self.stop_packing);
        drop(self.stop_sending);
        if let Some(sending) = self.sending {
            ended(sending, "remote write").await?;
        }
        ended(self.packing, "packer").await?;
        // Nobody asks any more; whoever still holds a sender must not keep the writer waiting.
        let _ = self.app.jobs.send(Job::Stop).await;
        ended(self.writing, "writer").await?;
        tracing::info!("the collector has stopped");
        Ok(())
    }
}

/// What readers see, fed by what is accepted. Reading it back from the store may take seconds.
async fn board(app: &Arc<App>, region: &'static Region) -> anyhow::Result<(Arc<Board>, i64)> {
    let options = board::Options {
        data: app.config.data.clone(),
        region,
        rules: app.config.coverage.clone(),
        holidays: app.config.holidays.clone(),
        push_seconds: app.plan.push_seconds,
        own: app.counters.own().clone(),
    };
    let opened = tokio::task::spawn_blocking(move || Board::open(options, now_ms())).await;
    let (board, counted_row) = opened.context("reading the store")??;
    Ok((Arc::new(board), counted_row))
}

/// What remote write sends with.
fn sender(app: &App, client: remote_write::Client) -> anyhow::Result<remote_write::Sender> {
    let waiting_bytes_max = app.config.remote_write.as_ref().map_or(0, |options| options.waiting_bytes_max);
    let own = app.counters.own().clone();
    Ok(remote_write::Sender::new(client, &app.config.data, waiting_bytes_max, own)?)
}

async fn bind(
    app: &Arc<App>,
    tls_config: Arc<rustls::ServerConfig>,
    reading: axum::Router,
) -> anyhow::Result<Vec<Listener>> {
    let pushes = Duration::from_secs(u64::from(app.plan.push_seconds) * u64::from(IDLE_PUSHES));
    let options = Options {
        tls: Some(tls_config),
        router: http::router(Arc::clone(app), reading),
        tests: None,
        counters: Arc::clone(&app.counters),
        connections_max: app.config.limits.connections,
        idle_time_max: pushes.max(IDLE_TIME_MIN),
    };
    let plain = Options { tls: None, router: http::plain_router(Arc::clone(app)), ..options.clone() };
    let mut https = Listener::bind(app.config.listen.https, options).await?;
    https.take_tests(desk(app, https.address()?));
    let mut listeners = vec![https];
    if let Some(address) = app.config.listen.online {
        listeners.push(Listener::bind(address, plain).await?);
    }
    Ok(listeners)
}

/// Where bandwidth tests are run; their datagrams come to the UDP port of the same number.
fn desk(app: &Arc<App>, https: SocketAddr) -> Arc<Desk> {
    let datagrams = app.config.bandwidth.udp.then(|| Arc::new(Datagrams::on(https.port())));
    Arc::new(Desk::new(Arc::clone(app), datagrams))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .with_context(|| format!("the {name} thread"))
}

async fn ended(thread: JoinHandle<()>, name: &'static str) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || thread.join())
        .await
        .with_context(|| format!("waiting for the {name}"))?
        .map_err(|_| anyhow::anyhow!("the {name} ended with a panic; what was acknowledged is on disk"))
}
