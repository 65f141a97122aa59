//! Windows: a service of the service control manager, made by the installer as `SuarAgent`.

use std::ffi::OsString;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use windows_service::service::{
    ServiceAccess, ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus,
    ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};

use super::Started;

const NAME: &str = "SuarAgent";
/// Longest wait for a service that was asked to stop: it says goodbye and sends what it has.
const STOP_WAIT_MAX: Duration = Duration::from_secs(30);
const STATE_POLL: Duration = Duration::from_millis(200);
/// `ERROR_SERVICE_DOES_NOT_EXIST`.
const DOES_NOT_EXIST: i32 = 1060;

/// The service control manager calls back on threads of its own, without an argument of ours.
static STOP: Notify = Notify::const_new();
static SYSTEM_STOPS: AtomicBool = AtomicBool::new(false);
static MEASURE: OnceLock<fn() -> bool> = OnceLock::new();

define_windows_service!(service_entry, service_main);

/// Hands this process to the service control manager and returns when the service has ended.
/// `measure` is the agent's life; it says whether it ended well.
pub fn run(measure: fn() -> bool) -> std::io::Result<()> {
    MEASURE.get_or_init(|| measure);
    service_dispatcher::start(NAME, service_entry).map_err(std::io::Error::other)
}

/// Ends when the service is asked to stop; never in a process that is none.
pub async fn stop_requested() {
    STOP.notified().await;
}

/// Whether the stop came because Windows itself goes down.
pub fn system_is_stopping() -> bool {
    SYSTEM_STOPS.load(Ordering::Relaxed)
}

fn service_main(_arguments: Vec<OsString>) {
    let handler = |control| match control {
        ServiceControl::Stop | ServiceControl::Shutdown | ServiceControl::Preshutdown => {
            if control != ServiceControl::Stop {
                SYSTEM_STOPS.store(true, Ordering::Relaxed);
            }
            STOP.notify_one();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    // Without a handle there is nobody to tell that it failed; the manager sees a service that never started.
    let Ok(handle) = service_control_handler::register(NAME, handler) else { return };
    tell(&handle, ServiceState::Running, true);
    let ended_well = MEASURE.get().is_some_and(|measure| measure());
    tell(&handle, ServiceState::Stopped, ended_well);
}

fn tell(handle: &ServiceStatusHandle, state: ServiceState, well: bool) {
    let accepts = ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN;
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: if state == ServiceState::Running {
            accepts
        } else {
            ServiceControlAccept::empty()
        },
        // Any other number makes the manager start it again, as the installer asks it to.
        exit_code: ServiceExitCode::Win32(u32::from(!well)),
        checkpoint: 0,
        wait_hint: Duration::ZERO,
        process_id: None,
    };
    if let Err(error) = handle.set_service_status(status) {
        tracing::error!(%error, "cannot tell the service control manager");
    }
}

pub fn start() -> Started {
    match start_again() {
        Ok(started) => started,
        Err(error) => Started::Refused(error.to_string()),
    }
}

fn start_again() -> windows_service::Result<Started> {
    let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT)?;
    let rights = ServiceAccess::START | ServiceAccess::STOP | ServiceAccess::QUERY_STATUS;
    let service = match manager.open_service(NAME, rights) {
        Err(windows_service::Error::Winapi(error)) if error.raw_os_error() == Some(DOES_NOT_EXIST) => {
            return Ok(Started::NotInstalled);
        }
        other => other?,
    };
    let give_up_at = Instant::now() + STOP_WAIT_MAX;
    if service.query_status()?.current_state == ServiceState::Running {
        service.stop()?;
    }
    while service.query_status()?.current_state != ServiceState::Stopped && Instant::now() < give_up_at {
        std::thread::sleep(STATE_POLL);
    }
    service.start::<&str>(&[])?;
    Ok(Started::Running)
}
