"""What a person sees while a run goes on: a live bar on a terminal, one plain line per chunk elsewhere."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Iterator, Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from dstjax.runs import Row, noise_label
from dstjax.stats import mean_interval


@dataclasses.dataclass
class Pace:
    """Speed of a program; of the chunks after the first as soon as there are any, because the first one also compiles.

    Attributes:
      members: number of members.
      start_step: environment steps per member at the start.
      earlier_seconds: wall seconds of the processes that ran the program up to there.
    """

    members: int
    start_step: int
    earlier_seconds: float = 0.0
    _started: float = dataclasses.field(default_factory=time.perf_counter)
    _computing: float = 0.0
    _marks: list[tuple[float, int]] = dataclasses.field(default_factory=list)

    @contextlib.contextmanager
    def computing(self) -> Iterator[None]:
        """Time spent inside is the program's; all other is the host's own, between chunks."""
        begun = time.perf_counter()
        yield
        self._computing += time.perf_counter() - begun

    def row(self) -> dict[str, float]:
        """What a row says of time: wall seconds, those of the host's own work in this process, and speed."""
        return {
            "time/wall_s": self.earlier_seconds + self.seconds(),
            "time/host_s": self.seconds() - self._computing,
            "time/steps_per_s": self.steps_per_second(),
        }

    def mark(self, step: int) -> None:
        """Note the end of a chunk at `step` environment steps per member."""
        self._marks.append((time.perf_counter(), step))

    def seconds(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self._started

    def steps_per_second(self) -> float:
        """Environment steps of all members per second."""
        first, last = (self._marks[0] if len(self._marks) > 1 else (self._started, self.start_step)), self._marks[-1]
        return self.members * (last[1] - first[1]) / max(last[0] - first[0], 1e-9)

    def seconds_left(self, steps: int) -> float | None:
        """Estimate of the time until `steps` environment steps per member; None while compiling is all of the pace."""
        if len(self._marks) < 2 and steps > self._marks[-1][1]:
            return None
        return self.members * (steps - self._marks[-1][1]) / max(self.steps_per_second(), 1e-9)


def make_console() -> Console:
    """A console on stdout; where that is no terminal its width is fixed, so that tables keep their shape in a log.

    Returns:
      The console.
    """
    return Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 120)


def returns_text(rows: Sequence[Row]) -> str:
    """Mean return of each noise level.

    Args:
      rows: one per member, of one step.

    Returns:
      For instance `return 812 (no noise), 640 (obs_scale 0.2)`.
    """
    levels: dict[str, list[float]] = {}
    for row in rows:
        levels.setdefault(noise_label(row), []).append(row["eval/return"])
    return "return " + ", ".join(f"{mean_interval(values).value:.4g} ({level})" for level, values in levels.items())


class ProgressView:
    """Progress of the programs of a run; a context manager that holds the live display."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or make_console()
        self._task = TaskID(0)
        self._label, self._chunks, self._done, self._returns = "", 0, 0, ""
        columns = (
            "{task.description}",
            BarColumn(16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            "{task.fields[text]}",
        )
        self._bars = Progress(*(TextColumn(c) if isinstance(c, str) else c for c in columns), console=self.console)
        self._live = Live(get_renderable=self._render, console=self.console) if self.console.is_terminal else None

    def __enter__(self) -> "ProgressView":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def _render(self) -> Group:
        """The bars, and the returns on a line of their own: on a narrow terminal they would push the bar out."""
        return Group(self._bars, Text(self._returns))

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self.console.print(text, markup=False)

    def start(self, label: str, chunks: int, done: int, members: int) -> None:
        """Show a program that is about to compile.

        Args:
          label: the method, and which of the programs it is.
          chunks: of the whole program.
          done: chunks that are done already, more than 0 after a resume.
          members: number of members.
        """
        self._label, self._chunks, self._done, self._returns = label, chunks, done, ""
        text = f"compiling for {members} member{'s' if members != 1 else ''}"
        self._task = self._bars.add_task(label, total=chunks, completed=done, text=text)
        if self._live is None:
            self.say(f"{label}: {text}")

    def update(self, step: int, rows: Sequence[Row], pace: Pace, seconds_left: float | None) -> None:
        """Show a finished chunk.

        Args:
          step: environment steps per member.
          rows: one per member.
          pace: of the program.
          seconds_left: estimate, where there is one.
        """
        self._done += 1
        self._returns = returns_text(rows)
        if seconds_left is None:
            speed = "compiled"
        else:
            speed = f"{pace.steps_per_second():,.0f} steps/s, {_clock(seconds_left)} left"
        self._bars.update(self._task, completed=self._done, text=speed)
        if self._live is None:
            self.say(f"{self._label}: step {step:,}, chunk {self._done}/{self._chunks}, {self._returns}, {speed}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
