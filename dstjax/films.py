"""Films written to files, at the speed at which they happened."""

from pathlib import Path

import numpy as np

from dstjax.errors import UserError

FILMS = (".mp4", ".gif")
PICTURE = ".png"
"""A film strip instead."""
GIF_RATE = 25.0
"""Frames per second that a GIF has about; browsers slow faster ones down."""


def write_film(frames: np.ndarray, path: Path, rate: float) -> None:
    """Write frames as a film.

    Args:
      frames: `[T, height, width, 3]` uint8.
      path: its ending is one of `FILMS`.
      rate: frames per second.

    Raises:
      UserError: for an MP4 without imageio-ffmpeg.
      OSError: where it cannot be written.
    """
    write = _write_gif if path.suffix == ".gif" else _write_mp4
    write(frames, path, rate)


def _write_gif(frames: np.ndarray, path: Path, rate: float) -> None:
    from PIL import Image

    stride = max(1, round(rate / GIF_RATE))
    first, *rest = (Image.fromarray(frame) for frame in frames[::stride])
    first.save(path, save_all=True, append_images=rest, duration=1000 * stride / rate, loop=0)


def _write_mp4(frames: np.ndarray, path: Path, rate: float) -> None:
    try:
        import imageio_ffmpeg
    except ImportError:
        raise UserError("film: .mp4 needs imageio-ffmpeg; allowed: pip install 'dstjax[video]', or a .gif") from None
    height, width = frames.shape[1:3]
    writer = imageio_ffmpeg.write_frames(str(path), (width, height), fps=rate, macro_block_size=1)
    writer.send(None)
    try:
        for frame in frames:
            writer.send(np.ascontiguousarray(frame))
    finally:
        writer.close()
