//! From O(R) to ε(k), and what people look at: band structures, Fermi levels, plots.
