"""The peer of `tessellation_fit`: in a module of its own, so that loading torch is no part of what is measured."""

from __future__ import annotations

import numpy as np
import torch
from tessellation_fit import Found, grain_map, near_faces

BATCH = 4096


def adam(count: int, edge: int, seed: int, steps: int, threads: int) -> Found:
    """Adam on batches of voxels near faces, all generators at each voxel; the rate falls along a cosine."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    labels = grain_map(count, edge, seed) - 1
    n = int(labels.max()) + 1
    index = [axis.ravel() for axis in np.indices(labels.shape)]
    volumes = np.bincount(labels.ravel(), minlength=n)
    centroids = np.column_stack([np.bincount(labels.ravel(), each, n) for each in index[::-1]]) / volumes[:, None]
    pool, rng = np.flatnonzero(near_faces(labels, 3)), np.random.default_rng(0)
    seeds = torch.tensor(centroids, dtype=torch.float32, requires_grad=True)
    weights = torch.tensor((3 * volumes / 4 / np.pi) ** (2 / 3), dtype=torch.float32, requires_grad=True)
    optimizer = torch.optim.Adam([{"params": [seeds], "lr": 0.3}, {"params": [weights], "lr": 3.0}])
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    truth = torch.tensor(labels.ravel().astype(np.int64))
    for _ in range(steps):
        chosen = rng.choice(pool, BATCH)
        x = torch.tensor(np.column_stack(np.unravel_index(chosen, labels.shape)[::-1]), dtype=torch.float32)
        power = (x * x).sum(1, keepdim=True) - 2 * x @ seeds.T + (seeds * seeds).sum(1) - weights
        loss = torch.nn.functional.cross_entropy(-power / 10.0, truth[torch.tensor(chosen)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return seeds.detach().numpy().astype(float), weights.detach().numpy().astype(float), None
