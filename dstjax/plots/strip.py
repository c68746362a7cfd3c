"""Film strips: frames side by side, with their times."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dstjax.plots.style import TEXT_WIDTH, new_figure, paper_style, save


@paper_style()
def plot_strips(films: Mapping[str, np.ndarray], path: Path, *, dt: float, count: int = 8) -> Path:
    """Draw a row of frames per film, evenly spread over it, first and last among them.

    Args:
      films: `[T, height, width, 3]` uint8 by title.
      path: to write; its ending chooses PNG, PDF or SVG.
      dt: seconds from frame to frame.
      count: frames of a row; of a shorter film, all.

    Returns:
      The path.
    """
    height, width = next(iter(films.values())).shape[1:3]
    each = TEXT_WIDTH / count
    figure = new_figure(TEXT_WIDTH, len(films) * (each * height / width + 0.4))
    for part, (title, frames) in zip(figure.subfigures(len(films), squeeze=False)[:, 0], films.items(), strict=True):
        part.suptitle(title, x=0.004, horizontalalignment="left")
        row = part.subplots(1, count)
        chosen = np.linspace(0, len(frames) - 1, min(count, len(frames))).round().astype(int)
        for axis, index in zip(row, chosen, strict=False):
            axis.imshow(frames[index])
            axis.set(xticks=(), yticks=(), xlabel=f"{index * dt:.3g} s")
            axis.spines[:].set_visible(False)
        for axis in row[len(chosen) :]:
            axis.set_axis_off()
    figure.get_layout_engine().set(w_pad=0.01, wspace=0.0)
    return save(figure, path, dpi=200)
