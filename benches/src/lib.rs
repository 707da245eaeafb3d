//! Nothing but benches: see `benches/`, and `RESULTS.md` for figures.
