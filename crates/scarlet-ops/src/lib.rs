//! Training operations for mobile networks as extensions of Burn's backends.
