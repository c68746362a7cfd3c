"""What a run is: a task, methods, seeds and numbers; the record of it in `config.yaml`, and what differs from it."""

import dataclasses
import datetime
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dstjax.errors import UserError
from dstjax.fields import Config, Hyper, check_fields
from dstjax.files import file_name

if TYPE_CHECKING:
    from dstjax.population import Members

Numbers = dict[str, tuple[float, ...]]
"""One or more values of each `Hyper` number by its dotted name; several values make it an axis of the population."""


def number_fields(record: Any = None, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field, float]]:
    """Walk over the numbers of `Hyper`.

    Args:
      record: a `Hyper` or a part of one; None starts with the defaults.
      prefix: dotted name of the part, with a final dot.

    Yields:
      Dotted name, dataclass field and value of each number, in the order of declaration.
    """
    record = Hyper() if record is None else record
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            yield from number_fields(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field, value


def default_numbers() -> Numbers:
    """The default of every `Hyper` number.

    Returns:
      One value per dotted name.
    """
    return {name: (float(value),) for name, _, value in number_fields()}


@dataclasses.dataclass(frozen=True)
class Plan:
    """A run: one task, one program per method, and members = seeds x every combination of numbers.

    Attributes:
      config: static structure shared by the programs; its `method` is the first of `methods`.
      methods: one compiled program each, run in this order.
      seeds: shared by methods and numbers, so that comparisons are paired.
      numbers: changes to the defaults of `Hyper`, by dotted name; completed with the defaults.
      zipped: names of numbers whose values go together, first with first, instead of in every combination.
      part: `(k, K)` keeps the k-th of K blocks of the members, counted from 0: a shard of the run.
    """

    config: Config
    methods: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    numbers: Mapping[str, tuple[float, ...]] = dataclasses.field(default_factory=dict)
    zipped: tuple[str, ...] = ()
    part: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        for field in ("methods", "seeds"):
            _check_distinct(field, getattr(self, field))
        known = default_numbers()
        for name, values in self.numbers.items():
            if name not in known:
                raise UserError(f"{name}: unknown number; allowed: {', '.join(known)}")
            if name not in self.zipped:
                _check_distinct(name, values)
        _check_zipped(self.zipped, self.numbers)
        object.__setattr__(self, "numbers", {**known, **self.numbers})
        object.__setattr__(self, "config", dataclasses.replace(self.config, method=self.methods[0]))
        check_fields(self.config)
        for name, values in self.numbers.items():
            for value in values:
                check_fields(_hyper({name: value}))
        index, count = self.part
        if not 0 <= index < count <= self.grid_size():
            raise UserError(
                f"part: {index} of {count} is not allowed; allowed: at most {self.grid_size()}, the members"
            )

    def programs(self) -> list[Config]:
        """The configs of the programs: one per method."""
        return [dataclasses.replace(self.config, method=method) for method in self.methods]

    def axes(self) -> Numbers:
        """The numbers that have several values."""
        return {name: values for name, values in self.numbers.items() if len(values) > 1}

    def grid_size(self) -> int:
        """Members of each program before `part` takes its block."""
        columns = [len(values) for name, values in self.numbers.items() if name not in self.zipped]
        return len(self.seeds) * math.prod(columns) * (len(self.numbers[self.zipped[0]]) if self.zipped else 1)

    def block(self) -> slice:
        """Which of those members the run trains: near-equal blocks, in order."""
        (index, count), size = self.part, self.grid_size()
        return slice(index * size // count, (index + 1) * size // count)

    def members(self) -> "Members":
        """The members of each program; imports JAX."""
        from dstjax.population import grid

        return grid(self.hyper(), self.seeds, self.axes(), zipped=self.zipped)[self.block()]

    def hyper(self) -> Hyper:
        """The numbers as a `Hyper`; those that are axes have their first value."""
        return _hyper({name: values[0] for name, values in self.numbers.items()})

    def record(self) -> dict[str, Any]:
        """Plain data for `config.yaml`; `from_record` reads it back."""
        config = {f.name: getattr(self.config, f.name) for f in dataclasses.fields(Config) if f.name != "method"}
        hyper = {name: values[0] if len(values) == 1 else list(values) for name, values in self.numbers.items()}
        record = {"methods": list(self.methods), "seeds": list(self.seeds), "config": config, "hyper": hyper}
        if self.zipped:
            record["zipped"] = list(self.zipped)
        if self.part != (0, 1):
            record["part"] = list(self.part)
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Plan":
        """Rebuild a plan from its record; raises `UserError` where this version knows other fields than the record."""
        known = Plan(Config(), ("dst",)).record()
        for part in ("config", "hyper"):
            for name in known[part].keys() ^ record[part].keys():
                where = "this version of dstjax" if name in record[part] else "the run's config.yaml"
                raise UserError(f"{name}: not a field of {where}; the run cannot be continued by this version")
        numbers = {
            name: tuple(value) if isinstance(value, list) else (value,) for name, value in record["hyper"].items()
        }
        config = Config(**record["config"], method=record["methods"][0])
        shape = {name: tuple(record[name]) for name in ("zipped", "part") if name in record}
        return cls(config, tuple(record["methods"]), tuple(record["seeds"]), numbers, **shape)

    def with_options(self, given: Mapping[str, Any]) -> "Plan":
        """This plan with the given options in the place of its own: see `flat` for their names."""
        static = {f.name for f in dataclasses.fields(Config)} - {"method"}
        config = dataclasses.replace(self.config, **{name: given[name] for name in static & given.keys()})
        numbers = {name: tuple(given[name]) for name in self.numbers if name in given}
        methods, seeds = given.get("method", self.methods), given.get("seeds", self.seeds)
        return Plan(config, tuple(methods), tuple(seeds), {**self.numbers, **numbers}, self.zipped, self.part)

    def flat(self) -> dict[str, Any]:
        """Every field by the name of its option: Config fields, `method`, `seeds` and the numbers."""
        config = {f.name: getattr(self.config, f.name) for f in dataclasses.fields(Config)}
        return {**config, "method": self.methods, "seeds": self.seeds, **self.numbers}

    def default_name(self, now: datetime.datetime) -> str:
        """A name for the run directory: task, methods and time."""
        return f"{file_name([self.config.env, *self.methods])}-{now:%Y%m%d-%H%M%S}"


def first_difference(mine: Plan, other: Plan) -> tuple[str, Any, Any] | None:
    """Compare two plans.

    Args:
      mine: a plan.
      other: another.

    Returns:
      Name of the first field that differs, its value in `mine` and in `other`; None if there is none.
    """
    mine_flat, other_flat = mine.flat(), other.flat()
    names = (name for name, value in mine_flat.items() if value != other_flat[name])
    return next(((name, mine_flat[name], other_flat[name]) for name in names), None)


def _hyper(numbers: Mapping[str, float]) -> Hyper:
    def replace(record: Any, prefix: str) -> Any:
        changes = {}
        for field in dataclasses.fields(record):
            value, name = getattr(record, field.name), f"{prefix}{field.name}"
            if dataclasses.is_dataclass(value):
                changes[field.name] = replace(value, f"{name}.")
            elif name in numbers:
                changes[field.name] = numbers[name]
        return dataclasses.replace(record, **changes)

    return replace(Hyper(), "")


def _check_zipped(zipped: tuple[str, ...], numbers: Mapping[str, tuple[float, ...]]) -> None:
    _check_distinct("zipped", zipped or ("none",))
    for name in zipped:
        first, length = zipped[0], len(numbers.get(name, ()))
        if length < 2 or length != len(numbers[first]):
            raise UserError(
                f"{name}: {length} values are not allowed; allowed: two or more, as many as {first}, which it goes with"
            )


def _check_distinct(field: str, values: tuple) -> None:
    if not values:
        raise UserError(f"{field}: none given; allowed: at least one")
    doubled = next((value for value in values if values.count(value) > 1), None)
    if doubled is not None:
        raise UserError(f"{field}: {doubled} is given twice; allowed: each value once")
