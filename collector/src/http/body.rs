//! Reads a request's body within bounds of size and time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::{Body, HttpBody};

/// Longest a body may take: 256 KiB over the thinnest line that is worth it.
const BODY_TIME_MAX: Duration = Duration::from_secs(120);
/// What is read and thrown away of a body that is not wanted, so that the client hears the answer instead
/// of a reset connection.
const DRAINED_BYTES_MAX: usize = 2 * 1024 * 1024;
const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    TooLarge,
    /// The client went away or broke the protocol.
    Broken,
    TooSlow,
}

pub async fn read(mut body: Body, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let announced = body.size_hint().lower();
    let result = if announced > bytes_max as u64 {
        Err(BodyError::TooLarge)
    } else {
        let reading = collect(&mut body, bytes_max);
        tokio::time::timeout(BODY_TIME_MAX, reading).await.unwrap_or(Err(BodyError::TooSlow))
    };
    if result == Err(BodyError::TooLarge) {
        drain(body).await;
    }
    result
}

async fn collect(body: &mut Body, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut bytes = Vec::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Reads on without keeping anything.
pub async fn drain(mut body: Body) {
    let reading = async {
        let mut left = DRAINED_BYTES_MAX;
        while let Some(Ok(frame)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
            if left == 0 {
                break;
            }
        }
    };
    // A client that is slow about a body nobody wants is cut off.
    let _ = tokio::time::timeout(DRAIN_TIME_MAX, reading).await;
}
