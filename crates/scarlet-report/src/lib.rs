//! Pictures and pages about a search for networks.
