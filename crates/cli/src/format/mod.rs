//! How numbers, times and texts look on a terminal. Pure functions of their arguments.

mod duration;
mod size;
mod table;
mod text;
mod time;

pub use duration::{duration, parse_duration};
pub use size::{percent, rate, size};
pub use table::{Cell, Column, Table};
pub use text::{clean, file_name_of, redact, shorten, width};
pub use time::{ago, rfc3339};
