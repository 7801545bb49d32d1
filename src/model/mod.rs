//! What predicts ΔH = H − H⁽⁰⁾: a closed-form linear stage, then a network.
