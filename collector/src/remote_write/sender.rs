//! The thread that sends what waits: live samples before old ones, again until the receiver has said what
//! became of them, never two requests at once.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::answer::{self, Answer, Response};
use super::{Client, message};
use crate::exposition::Own;
use crate::history::records::{Stands, Written};
use crate::store::outbox::{Lane, Outbox, Waiting};
use crate::store::{Reader, StoreError};
use crate::wall_clock::now_ms;

/// How often it is looked whether something waits.
const LOOK: Duration = Duration::from_secs(1);
/// Between two tries of a request: doubled each time.
const TRY_AGAIN_MIN: Duration = Duration::from_secs(1);
const TRY_AGAIN_MAX: Duration = Duration::from_secs(60);
/// How old what is known of sites may be: one that was renamed or moved is written so from then on.
const STANDS_AGE_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct Sender {
    client: Client,
    outbox: Outbox,
    reader: Reader,
    own: Own,
    waiting_bytes_max: u64,
    stands: Option<(Instant, Stands)>,
    /// What was last told to the log: trouble that lasts is told once.
    told: &'static str,
}

/// What came of one look.
enum Turn {
    Nothing,
    /// Something is settled; more may wait.
    Settled,
    Again(Duration),
}

impl Sender {
    pub fn new(client: Client, data: &Path, waiting_bytes_max: u64, own: Own) -> Result<Self, StoreError> {
        Ok(Self {
            client,
            outbox: Outbox::open(data)?,
            reader: Reader::open(data)?,
            own,
            waiting_bytes_max,
            stands: None,
            told: answer::OK,
        })
    }

    /// Until the other end of `stops` is dropped. What waits then waits in the store.
    pub fn run(mut self, stops: &Receiver<()>) {
        let mut try_again = TRY_AGAIN_MIN;
        loop {
            let pause = match self.turn() {
                Ok(Turn::Nothing) => LOOK,
                Ok(Turn::Settled) => {
                    try_again = TRY_AGAIN_MIN;
                    Duration::ZERO
                }
                Ok(Turn::Again(after)) => {
                    let pause = after.max(try_again);
                    try_again = (try_again * 2).min(TRY_AGAIN_MAX);
                    pause
                }
                Err(error) => {
                    tracing::error!(%error, "what remote write has to send cannot be read; it waits");
                    TRY_AGAIN_MAX
                }
            };
            match stops.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    }

    fn turn(&mut self) -> Result<Turn, StoreError> {
        self.keep_bound()?;
        let now_ms = now_ms();
        let since_ms = self.outbox.waiting_since_ms()?.unwrap_or(now_ms);
        self.own.write_waits(self.outbox.bytes()?, (now_ms - since_ms).max(0) / 1000);
        for lane in [Lane::Live, Lane::Old] {
            let rows = self.outbox.next(lane, now_ms)?;
            if !rows.is_empty() {
                return self.deliver(&rows);
            }
        }
        Ok(Turn::Nothing)
    }

    /// Drops what has waited longest where more waits than may.
    fn keep_bound(&mut self) -> Result<(), StoreError> {
        while self.outbox.bytes()? > self.waiting_bytes_max {
            let rows = self.outbox.first()?;
            let samples = self.written(&rows)?.samples();
            self.outbox.forget(&rows)?;
            self.own.write_settled("dropped", samples);
            if self.told != "dropped" {
                self.told = "dropped";
                tracing::error!(
                    bound_bytes = self.waiting_bytes_max,
                    "more waits for the receiver than may (remote_write.waiting_mb_max); what has waited longest \
                     is not sent. The collector itself keeps it"
                );
            }
        }
        Ok(())
    }

    fn deliver(&mut self, rows: &[Waiting]) -> Result<Turn, StoreError> {
        let written = self.written(rows)?;
        let sent = written.samples();
        if sent == 0 {
            self.outbox.forget(rows)?;
            return Ok(Turn::Settled);
        }
        let (answer, response) = self.send(written, sent);
        match answer {
            Answer::Kept { samples } => {
                self.own.write_settled("sent", samples);
                self.own.write_settled("refused", sent - samples);
                if self.told != answer::OK {
                    self.told = answer::OK;
                    tracing::info!("the receiver of remote write takes samples");
                }
            }
            // One push that is refused must not take others along: each is tried alone.
            Answer::Refused { .. } if rows.len() > 1 => {
                for row in rows.chunks(1) {
                    if let Turn::Again(after) = self.deliver(row)? {
                        return Ok(Turn::Again(after));
                    }
                }
                return Ok(Turn::Settled);
            }
            Answer::Refused { reason, kept } => {
                self.own.write_settled("sent", kept);
                self.own.write_settled("refused", sent - kept);
                self.tell(reason, &response);
            }
            Answer::Again { reason, after } => {
                self.tell(reason, &response);
                return Ok(Turn::Again(after));
            }
        }
        self.outbox.forget(rows)?;
        Ok(Turn::Settled)
    }

    fn send(&self, written: Written, sent: u64) -> (Answer, Response) {
        let version = self.client.version();
        let again = |reason, text: String| {
            let response = Response { text, ..Response::default() };
            (Answer::Again { reason, after: Duration::ZERO }, response)
        };
        let (answer, response) = match message::body(version, written) {
            Err(error) => again("too_large", error.to_string()),
            Ok(body) => match self.client.post(body) {
                // Its address may be an internal one; who reads the log has the configuration.
                Err(error) => again("unreachable", format!("{:#}", anyhow::Error::from(error.without_url()))),
                Ok(response) => (Answer::of(version, sent, &response), response),
            },
        };
        self.own.write_answered(response.status, answer.reason());
        (answer, response)
    }

    fn tell(&mut self, reason: &'static str, response: &Response) {
        if self.told != reason {
            self.told = reason;
            let (status, text) = (response.status, response.text.as_str());
            tracing::warn!(status, reason, said = text, "remote write: {}", answer::advice(reason));
        }
    }

    fn written(&mut self, rows: &[Waiting]) -> Result<Written, StoreError> {
        let unknown = |stands: &Stands| {
            let mut records = rows.iter().filter_map(|row| row.records.first());
            records.any(|stored| !stands.know(stored.agent))
        };
        if self.stands.as_ref().is_none_or(|(at, stands)| at.elapsed() > STANDS_AGE_MAX || unknown(stands)) {
            let stands = Stands::new(self.reader.site_versions()?, self.reader.agents()?);
            self.stands = Some((Instant::now(), stands));
        }
        let mut written = Written::default();
        if let Some((_, stands)) = &self.stands {
            rows.iter().for_each(|row| written.add(stands, &row.records));
        }
        Ok(written)
    }
}
