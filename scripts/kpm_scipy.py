#!/usr/bin/env python3
"""Kernel polynomials as one writes them with scipy, for comparison with `cargo bench --bench kpm`.

    cargo bench --bench kpm -- 5000 --write DIR
    scripts/kpm_scipy.py DIR [MOMENTS]

H and S of DIR, the recursion of hzero, 16 random vectors at once; S is factorised by SuperLU (`scipy.sparse.linalg.splu`), the only
sparse factorization in scipy, products are scipy's. No package of PyPI that we know does this for an overlap matrix: KPM of kwant and
pybinding want an orthogonal basis. One thread; prints CPU seconds.
"""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import scipy.io
import scipy.sparse
import scipy.sparse.linalg

VECTORS = 16


def main():
    folder, moments = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    h, s = (scipy.sparse.csc_matrix(scipy.io.mmread(folder / name)) for name in ("H.mtx", "S.mtx"))
    s.eliminate_zeros()
    start = time.process_time()
    factor = scipy.sparse.linalg.splu(s, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}, diag_pivot_thresh=0.0)
    centre, half_width = bounds(h, s, factor)
    set_up = time.process_time() - start
    start = time.process_time()
    mu = trace_moments(h, s, factor, centre, half_width, moments)
    recursion = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(f"{h.shape[0]} orbitals: set up {set_up:.2f} s, per moment and {VECTORS} vectors {recursion / moments:.5f} s,", end=" ")
    print(f"peak {peak:.2f} GB, {factor.L.nnz:.3g} elements in the factor, mu_0 {mu[0]:.2f}, mu_2 {mu[2]:.2f}")


def bounds(h, s, factor):
    """Centre and half width of an interval around the spectrum, from the outermost eigenvalues."""
    inverse = scipy.sparse.linalg.LinearOperator(s.shape, matvec=factor.solve)
    ends = scipy.sparse.linalg.eigsh(h, k=2, M=s, Minv=inverse, which="BE", tol=1e-3, return_eigenvectors=False)
    margin = 0.01 * (ends.max() - ends.min())
    return (ends.max() + ends.min()) / 2, (ends.max() - ends.min()) / 2 + margin


def trace_moments(h, s, factor, centre, half_width, n):
    """Estimates of tr T_m((S^-1 H - c)/a): r^T T_m r, with y = S x beside x as hzero has them."""
    r = np.random.default_rng(1).choice([-1.0, 1.0], (h.shape[0], VECTORS))
    x, y, before = r.copy(), s @ r, np.zeros_like(r)
    mu = []
    for m in range(n):
        mu.append((r * x).sum(axis=0).mean())
        factor_of_step = (2.0 if m else 1.0) / half_width
        y, before = factor_of_step * (h @ x - centre * y) - before, y
        x = factor.solve(y)
    return mu


if __name__ == "__main__":
    main()
