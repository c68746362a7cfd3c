"""Independent references: plain NumPy in float64, from the definitions."""

from itertools import product

import numpy as np

KERNELS = {
    "multiquadric": lambda r, h: -np.sqrt(1 + (h * r) ** 2),
    "gaussian": lambda r, h: np.mean([np.exp(-((r / s) ** 2) / 2) for s in (h, 3 * h)], axis=0),
    "energy": lambda r, h: -r,
}


def mmd2(x, y, kernel, w=None, v=None, unbiased=False):
    """Pair by pair."""
    w = np.full(len(x), 1 / len(x)) if w is None else w / np.sum(w)
    v = np.full(len(y), 1 / len(y)) if v is None else v / np.sum(v)

    def mean(a, b, p, q, skip):
        total = weight = 0.0
        for i, j in product(range(len(a)), range(len(b))):
            if not (skip and i == j):
                total += p[i] * q[j] * kernel(np.linalg.norm(a[i] - b[j]))
                weight += p[i] * q[j]
        return total / weight

    return mean(x, x, w, w, unbiased) + mean(y, y, v, v, unbiased) - 2 * mean(x, y, w, v, False)


def line_mmd2(u, v, kernel):
    """All pairs of projections at once, `[..., n], [..., m] -> [...]`."""

    def mean(a, b):
        return kernel(np.abs(a[..., :, None] - b[..., None, :])).mean((-1, -2))

    return mean(u, u) + mean(v, v) - 2 * mean(u, v)


def half_sphere(dim, num):
    """Directions that leave no gap on half of the circle or sphere; a distance sees no difference of the other half."""
    if dim == 2:
        angle = np.pi * np.arange(num) / num
        return np.stack([np.cos(angle), np.sin(angle)], -1)
    height = (np.arange(num) + 0.5) / num
    turn = np.pi * (1 + 5**0.5) * np.arange(num)
    radius = np.sqrt(1 - height**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), height], -1)


def max_slice(x, y, kernel, num):
    """Exhaustive search over directions, then a finer one around the best."""
    directions = half_sphere(x.shape[1], num)
    for width in (4 / num ** (1 / (x.shape[1] - 1)), 0.0):
        values = line_mmd2(directions @ x.T, directions @ y.T, kernel)
        best = directions[values.argmax()]
        side = np.linspace(-width, width, 41)
        offsets = np.stack(np.meshgrid(*[side] * (x.shape[1] - 1)), -1).reshape(-1, x.shape[1] - 1)
        directions = best + offsets @ np.linalg.svd(best[None])[2][1:]
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return values.max()


def slope(function, point, step=1e-6):
    """Central differences of a scalar function in every coordinate of an array."""
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        up, down = point.copy(), point.copy()
        up[index] += step
        down[index] -= step
        gradient[index] = (function(up) - function(down)) / (2 * step)
    return gradient
