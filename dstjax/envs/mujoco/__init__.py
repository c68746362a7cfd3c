"""Gymnasium's MuJoCo tasks, simulated by MJX."""

import contextlib
import io

# The first import of MJX prints a line per optional backend that is missing; none of them is used here.
with contextlib.redirect_stdout(io.StringIO()):
    import mujoco.mjx  # noqa: F401
