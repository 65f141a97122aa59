//! Windows: the service control manager tells a service why it stops; until the agent is a service there,
//! every stop counts as a clean one.

pub fn os_is_stopping() -> bool {
    false
}
