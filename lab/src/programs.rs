//! Real processes of both programs. (to be written)
