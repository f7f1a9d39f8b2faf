//! Changes of an index: documents are added and removed, segments are merged, and separately built indexes are
//! joined.
//!
//! Files are never rewritten. A command makes new files in a directory next to the old ones ([`transaction`]), from a
//! [`draft`] of the segments that stay, the segments that are rewritten from the stored text ([`tiers`]) and the
//! filters over them ([`filters`]). Then a new manifest replaces the old one, and files that only the old one named
//! are removed.

mod add;
mod carry_out;
mod compact;
mod divided;
mod draft;
mod filling;
mod filters;
mod merge;
mod options;
mod remove;
mod tiers;
mod transaction;

pub use add::Addition;
pub use compact::compact;
pub use divided::DividedFilter;
pub use merge::merge;
pub use options::ChangeOptions;
pub use remove::remove;
