//! Who asks a running agent to stop: the system's way of asking, and for a child its launcher.

use std::io;

use tokio::sync::oneshot;

use crate::program::child;

#[cfg_attr(unix, path = "stop_unix.rs")]
#[cfg_attr(windows, path = "stop_windows.rs")]
mod system;

#[derive(Debug)]
pub struct Stop {
    system: system::Stop,
    launcher: Option<oneshot::Receiver<bool>>,
}

impl Stop {
    pub fn new() -> io::Result<Self> {
        Ok(Self { system: system::Stop::new()?, launcher: None })
    }

    /// For a child: its launcher's word counts, too.
    pub fn of_child() -> io::Result<Self> {
        Ok(Self { launcher: Some(child::listen()), ..Self::new()? })
    }

    /// Waits until somebody asks; true when it is known that the machine goes down.
    pub async fn requested(&mut self) -> bool {
        let launcher = async {
            match &mut self.launcher {
                // A launcher that cannot be heard any more is gone.
                Some(launcher) => launcher.await.unwrap_or(false),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.system.requested() => system::machine_goes_down(),
            system_stops = launcher => system_stops,
        }
    }
}
