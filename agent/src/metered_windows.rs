//! Windows: the cost of the connection by the network list manager (`INetworkCostManager`). The interface is spelled
//! out by hand: the crate that has it is larger than the agent.

use std::ffi::c_void;
use std::ptr;

use windows_sys::Win32::System::Com::{
    CLSCTX_ALL, COINIT_MULTITHREADED, CoCreateInstance, CoInitializeEx, CoUninitialize,
};
use windows_sys::core::{GUID, HRESULT};

const NETWORK_LIST_MANAGER: GUID = GUID::from_u128(0xdcb00c01_570f_4a9b_8d69_199fdba5723b);
const NETWORK_COST_MANAGER: GUID = GUID::from_u128(0xdcb00008_570f_4a9b_8d69_199fdba5723b);

/// `NLM_CONNECTION_COST`.
const UNRESTRICTED: u32 = 0x1;
const FIXED: u32 = 0x2;
const VARIABLE: u32 = 0x4;
const OVER_DATA_LIMIT: u32 = 0x1_0000;
const ROAMING: u32 = 0x4_0000;

/// `INetworkCostManager`, as far as it is used; methods stand in the order of the interface.
#[repr(C)]
struct CostManager {
    methods: *const CostManagerMethods,
}

#[repr(C)]
struct CostManagerMethods {
    query_interface: *const c_void,
    add_ref: *const c_void,
    release: unsafe extern "system" fn(*mut CostManager) -> u32,
    get_cost: unsafe extern "system" fn(*mut CostManager, *mut u32, *const c_void) -> HRESULT,
}

/// Called on a thread that waits: the manager may take its time.
pub fn look() -> Option<bool> {
    // SAFETY: no argument; it is undone below when it succeeded, and on this thread.
    let initialised = unsafe { CoInitializeEx(ptr::null(), COINIT_MULTITHREADED as u32) } >= 0;
    let cost = cost();
    if initialised {
        // SAFETY: pairs with the call above.
        unsafe { CoUninitialize() };
    }
    cost.and_then(meaning)
}

fn cost() -> Option<u32> {
    let mut manager: *mut CostManager = ptr::null_mut();
    // SAFETY: the pointers are valid for the call; on success the manager is an interface of the asked id.
    let made = unsafe {
        CoCreateInstance(
            &NETWORK_LIST_MANAGER,
            ptr::null_mut(),
            CLSCTX_ALL,
            &NETWORK_COST_MANAGER,
            (&raw mut manager).cast(),
        )
    };
    if made < 0 || manager.is_null() {
        return None;
    }
    let mut cost = 0;
    // SAFETY: the manager is a live interface whose methods stand as declared; no destination means the machine's own
    // connection. It is released once and not used afterwards.
    let asked = unsafe {
        let methods = &*(*manager).methods;
        let asked = (methods.get_cost)(manager, &raw mut cost, ptr::null());
        (methods.release)(manager);
        asked
    };
    (asked >= 0).then_some(cost)
}

fn meaning(cost: u32) -> Option<bool> {
    if cost & (FIXED | VARIABLE | OVER_DATA_LIMIT | ROAMING) != 0 {
        return Some(true);
    }
    (cost & UNRESTRICTED != 0).then_some(false)
}
