//! An index that changes: documents are added and removed, segments merged, and indexes built apart become one.
//!
//! Files are never written again. A command makes new ones in a directory beside them ([`transaction`]), from a [`draft`] that
//! says which segments stand as they are, which are written anew from the stored text ([`tiers`]), and which filters go
//! with them ([`filters`]). Then a new manifest takes the place of the old one, and what only the old one named goes.

mod add;
mod carry_out;
mod compact;
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
pub use merge::merge;
pub use options::ChangeOptions;
pub use remove::remove;
