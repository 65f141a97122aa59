//! Windows: the service control manager; at a console Ctrl-C, Ctrl-Break and the closing of its window.

use std::io;

use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

use crate::service;

#[derive(Debug)]
pub struct Stop {
    interrupt: CtrlC,
    interrupt_hard: CtrlBreak,
    close: CtrlClose,
}

impl Stop {
    pub fn new() -> io::Result<Self> {
        Ok(Self { interrupt: ctrl_c()?, interrupt_hard: ctrl_break()?, close: ctrl_close()? })
    }

    pub async fn requested(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.interrupt_hard.recv() => {}
            _ = self.close.recv() => {}
            () = service::stop_requested() => {}
        }
    }
}

/// The service control manager has said so to this process; a child of it hears nothing.
pub fn machine_goes_down() -> bool {
    service::system_is_stopping()
}
