//! The edge of the uplink: HTTP requests to one collector over one kept-alive connection.

/// Why a body could not be had.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the answer is longer than it may be")]
    TooLarge,
    #[error(transparent)]
    Broken(reqwest::Error),
}

/// Reads a body of at most `bytes_max` bytes; a longer one is given up on, not held in memory.
pub async fn read_bounded(mut response: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > bytes_max {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
