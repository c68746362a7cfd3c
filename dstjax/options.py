"""The options of `dstjax train`, generated from the fields of `Config` and `Hyper`: one source for help and domains."""

import dataclasses
import difflib
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from dstjax.errors import UserError
from dstjax.fields import COUNT, COUNT_OR_ZERO, Config, Domain
from dstjax.plan import number_fields

TRACKERS = ("wandb", "none")


@dataclasses.dataclass(frozen=True)
class Option:
    """One option.

    Attributes:
      name: the key of its value; on the command line with dashes.
      kind: type of each value; bool makes a switch without a value.
      help: what it is, with its unit.
      default: shown in the help; the value itself is left out where the option is not given.
      domain: allowed interval of each value.
      choices: allowed values.
      words: taken as they are, besides values of `kind`.
      many: whether it takes more than one value.
    """

    name: str
    kind: type
    help: str
    default: Any
    domain: Domain | None = None
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    many: bool = False

    @property
    def flag(self) -> str:
        """The option as it is typed."""
        return "--" + self.name.replace("_", "-")

    def parse(self, words: Sequence[str]) -> Any:
        """Convert and check the words after the option; a tuple of values if it takes many, else one value."""
        if not words or (len(words) > 1 and not self.many):
            wanted = "one or more values" if self.many else "one value"
            raise UserError(f"{self.flag}: {' '.join(words) or 'no value'} given; allowed: {wanted}")
        values = tuple(self.convert(word) for word in words)
        return values if self.many else values[0]

    def convert(self, word: str, label: str = "") -> Any:
        """Convert and check one word; an error calls it `label`, by default the option as it is typed."""
        label = label or self.flag
        if word in self.words:
            return word
        try:
            value = self.kind(word)
        except ValueError:
            noun = {int: "a whole number", float: "a number"}[self.kind] + self._interval(" in ")
            allowed = ", or ".join((noun, *self.words))
            raise UserError(f"{label}: '{word}' is not allowed; allowed: {allowed}") from None
        if self.domain is not None and value not in self.domain:
            raise UserError(f"{label}: {word} is not allowed; allowed: a number{self._interval(' in ')}")
        if self.choices and value not in self.choices:
            raise UserError(f"{label}: '{word}' is not allowed; allowed: {', '.join(self.choices)}")
        return value

    def _interval(self, word: str) -> str:
        return "" if self.domain is None or str(self.domain) == str(Domain()) else f"{word}{self.domain}"

    @property
    def metavar(self) -> str:
        """What stands for the value in the help."""
        kind = "|".join((*self.words, "|".join(self.choices) or {int: "INT", float: "FLOAT", str: "NAME"}[self.kind]))
        return f"{kind}{' ...' if self.many else ''}"

    @property
    def hint(self) -> str:
        """Default and domain, for the help."""
        default = f"{self.default:g}" if isinstance(self.default, float) else self.default
        return f"default: {'off' if default is False else default}{self._interval('; allowed: ')}"


RUN_OPTIONS = (
    Option("seeds", int, "how many seeds; members are the product of seeds and of all numbers given", 1, COUNT),
    Option("first_seed", int, "the first of the seeds; the others follow it", 0, COUNT_OR_ZERO),
    Option("name", str, "name of the run directory", "task, methods and time"),
    Option("runs_dir", str, "directory that holds the run directories", "runs"),
    Option("resume", bool, "continue the run --name from its newest checkpoint", False),
    Option(
        "tracker",
        str,
        "Weights & Biases (offline without an account), or nothing but the files",
        "wandb",
        None,
        TRACKERS,
    ),
    Option("wandb_project", str, "project of the Weights & Biases runs", "dstjax"),
    Option(
        "members_per_program",
        int,
        "members of each program that are trained at a time; more of them take turns",
        "auto, what fits into memory",
        COUNT,
        words=("auto",),
    ),
    Option("devices", int, "devices to spread the members over", "all; on a CPU one per core", COUNT),
)


def config_options() -> tuple[Option, ...]:
    """The options of the static structure.

    Returns:
      One per field of `Config`.
    """
    return tuple(
        Option(
            name=f.name,
            kind=type(f.default),
            help=f.metadata["help"],
            default=f.default,
            domain=f.metadata["domain"],
            choices=f.metadata["choices"],
            many=f.name == "method",
        )
        for f in dataclasses.fields(Config)
    )


def number_options() -> tuple[Option, ...]:
    """The options of the traced numbers.

    Returns:
      One per number of `Hyper`, each taking one or more values.
    """
    return tuple(
        Option(name, float, field.metadata["help"], default, field.metadata["domain"], many=True)
        for name, field, default in number_fields()
    )


GROUPS: dict[str, tuple[str, Callable[[], tuple[Option, ...]]]] = {
    "run": ("Where and how the run happens.", lambda: RUN_OPTIONS),
    "config": (
        "Shapes, counts and switches: the compiled program. Several methods run one after the other.",
        config_options,
    ),
    "hyper": ("Numbers; several values make a number an axis of the population.", number_options),
}


Groups = dict[str, tuple[str, tuple[Option, ...]]]
"""Title to summary and options: one box each in the help."""


def parse_train(arguments: Sequence[str]) -> dict[str, Any]:
    """Read the arguments of `dstjax train`; prints the help and exits where it is asked for. Imports no JAX.

    Args:
      arguments: the words after `dstjax train`.

    Returns:
      The values of the given options by name; an option that is not given has no entry.

    Raises:
      UserError: naming the option, its value and what is allowed.
    """
    summary = "Train a population: one compiled program per method, seeds and numbers as its members."
    groups = {group: (text, options()) for group, (text, options) in GROUPS.items()}
    given, rest = parse("train", summary, groups, arguments)
    if rest:
        raise UserError(f"unexpected argument '{rest[0]}'; options start with two dashes, see --help")
    return given


def parse(
    command: str, summary: str, groups: Groups, arguments: Sequence[str], operand: str = ""
) -> tuple[dict[str, Any], list[str]]:
    """Read the arguments of a command; prints the help and exits where it is asked for. Imports no JAX.

    Args:
      command: its name.
      summary: what it does, for the help.
      groups: its options.
      arguments: the words after its name.
      operand: what it takes besides options, for the help, such as `RUN...`; without one an option of one value
        refuses a second word, with one that word is an operand.

    Returns:
      The values of the given options by name (an option that is not given has no entry), and the operands.

    Raises:
      UserError: naming the option, its value and what is allowed.
    """
    import tyro

    parsed: Any
    parsed, rest = tyro.cli(
        _command(command, summary, groups),
        prog=f"dstjax {command} {operand}".strip(),
        args=list(arguments),
        return_unknown_args=True,
    )
    flags = [option.flag for _, options in groups.values() for option in options]
    for word in rest:
        if word.startswith("-"):
            raise unknown_option(word, flags)
    given = {}
    for group, (_, options) in groups.items():
        for option in options:
            words = getattr(getattr(parsed, group), _key(option))
            if words is False:
                continue
            if operand and option.kind is not bool and not option.many:
                words, rest = words[:1], [*rest, *words[1:]]
            given[option.name] = words if option.kind is bool else option.parse(words)
    return given, rest


def _command(name: str, summary: str, groups: Groups) -> type:
    """A dataclass for tyro: one nested dataclass per group of options, all words kept as they are typed."""
    fields = []
    for group, (text, options) in groups.items():
        nested = dataclasses.make_dataclass(group, [(_key(option), _annotation(option), False) for option in options])
        nested.__doc__ = text
        fields.append((group, nested, dataclasses.field(default_factory=nested)))
    command = dataclasses.make_dataclass(name, fields)
    command.__doc__ = summary
    return command


def _annotation(option: Option) -> Any:
    """Tyro's view of an option. The words are converted later, so that every error has the same one-line form."""
    import tyro

    argument = tyro.conf.arg(
        name=option.flag[2:], prefix_name=False, help=option.help, help_behavior_hint=f"({option.hint})"
    )
    if option.kind is bool:
        return Annotated[bool, argument, tyro.conf.FlagCreatePairsOff]
    words = tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar=option.metavar,
        instance_from_str=lambda words: words,
        is_instance=lambda value: value is False or isinstance(value, list),
        str_from_instance=lambda words: words or [],
    )
    return Annotated[Any, words, argument]


def _key(option: Option) -> str:
    return option.name.replace(".", "__")


def unknown_option(word: str, flags: Sequence[str]) -> UserError:
    """The error for an option that the command line does not know.

    Args:
      word: as it was typed.
      flags: the known options.

    Returns:
      An error that names the nearest option.
    """
    close = difflib.get_close_matches(word.split("=")[0].replace("_", "-"), flags, n=1, cutoff=0.5)
    return UserError(f"unknown option '{word}'; {f'did you mean {close[0]}?' if close else 'see --help'}")
