//! `scarlet demo`.
