//! O(3) algebra in the real-harmonics basis: Clebsch–Gordan, Wigner D, blocks and bond frames. No files, no torch.
