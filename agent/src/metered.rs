//! Whether the system takes the connection for one that is paid by the amount of data.

#[cfg_attr(unix, path = "metered_linux.rs")]
#[cfg_attr(windows, path = "metered_windows.rs")]
mod system;

/// None: the system does not say. May wait some seconds for it.
pub fn look() -> Option<bool> {
    system::look()
}
