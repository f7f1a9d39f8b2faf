//! The suffix index of a text, which finds any string in it.

pub mod array;
pub(crate) mod binary_search;
mod counts;
pub mod fronts;
pub mod jump;
pub mod lean;
pub mod text_index;
pub mod view;
