//! Windows: the service control manager tells a service why it stops. A stop at a console is a clean one.

pub fn os_is_stopping() -> bool {
    crate::service::system_is_stopping()
}
