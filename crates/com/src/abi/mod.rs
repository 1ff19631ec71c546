//! What a program compiled elsewhere relies on: interfaces, structures, numbers.

pub mod delivery;
pub mod ids;
pub mod interfaces;
pub mod types;
