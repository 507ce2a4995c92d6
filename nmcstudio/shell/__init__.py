"""Outer shells: directions, harmonics, radius functions, the mixture of random fields: fit and sampling. No files are opened."""
