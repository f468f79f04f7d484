"""Settings as flags: a frozen dataclass says what can be set, its help and its choices; the flags follow."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_args, get_type_hints

import click
from click.core import ParameterSource

from mien.errors import UsageError, choice_error
from mien.experiments.executor import EXECUTORS
from mien.nets.settings import OWN_RECIPES, TrainSettings
from mien.settings import items, joined
from mien.storage.old_names import SETTINGS

PATH = click.Path(path_type=Path)
base_argument = click.argument("place", metavar="BASE", type=PATH)
left_out_option = click.option("--left-out", help="the study's classifier without this class, not the full one")
seed_option = click.option("--seed", type=int, help="which of the study's seeds; the first by default")
audit_argument = click.argument("folder", metavar="AUDIT", type=PATH)
moved_option = click.option(
    "--data", "source", metavar="PATH", help="where the pictures are now, if they were moved since the audit"
)
Settings = TypeVar("Settings")
Command = Callable[..., Any]
if TYPE_CHECKING:
    ItemsType = click.ParamType[tuple[Any, ...]]
    SecondsType = click.ParamType[float]
else:
    ItemsType = SecondsType = click.ParamType  # click before 8.4 has no parameter for the type of the value


def options(*kinds: type, without: Sequence[str] = ()) -> Callable[[Command], Command]:
    """Add a flag for every field with a help text of the given settings classes, and `--config FILE`.

    Parameters
    ----------
    without : fields that get none. A field that several classes have is the flag of the first of them.
    """

    def decorate(command: Command) -> Command:
        flags: dict[str, tuple[str, Field[Any], Any]] = {}
        for kind in kinds:
            for prefix, field, hint in _flags(kind):
                flags.setdefault(prefix + field.name, (prefix, field, hint))
        for name in reversed(flags):
            if name not in without:
                command = _option(*flags[name])(command)
        return _config(command)

    return decorate


def out_option(default: str) -> Callable[[Command], Command]:
    """The flag --out of a verb that writes a folder."""
    return click.option("--out", type=PATH, default=Path(default), show_default=True, help="folder to write")


def engine_option(command: Command) -> Command:
    """The flag --engine of a verb with many tasks."""
    names = list(EXECUTORS)
    text = f"how tasks are done: {' or '.join(names)}; the numbers are the same"
    return click.option("--engine", default=names[0], show_default=True, help=text)(command)


def command_line() -> str:
    """The command that the user typed, which runs again as it is."""
    return shlex.join(["mien", *sys.argv[1:]])


def build(kind: type[Settings], values: Mapping[str, Any], prefix: str = "", **given: Any) -> Settings:
    """A settings object, and those nested in it, from the flags' values; `given` fills the fields without a flag."""
    hints = get_type_hints(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        name = prefix + field.name
        if field.name in given:
            continue
        if is_dataclass(hints[field.name]):
            given[field.name] = build(hints[field.name], values, f"{name}_" if field.name == "augment" else "")
        elif name in values:
            given[field.name] = values[name]
    return kind(**given)


def trained_by(base: str, values: Mapping[str, Any]) -> TrainSettings:
    """The settings of training: the flags that were given, and for the others the recipe of the base classifier."""
    ctx = click.get_current_context()
    untouched = {name for name in values if ctx.get_parameter_source(name) is ParameterSource.DEFAULT}
    recipe = {name: value for name, value in OWN_RECIPES.get(base, {}).items() if name in untouched}
    return build(TrainSettings, {**values, **recipe})


class _Seconds(SecondsType):
    """A time such as 0.5s, 500ms, 2min or 0.5, in seconds."""

    name = "TIME"
    units: ClassVar = {"": 1.0, "s": 1.0, "ms": 0.001, "min": 60.0}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*(s|ms|min|)", str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no time, like 0.5s", param, ctx)
        return float(match[1]) * self.units[match[2]]


SECONDS = _Seconds()


def _flags(kind: type, prefix: str = "") -> Iterator[tuple[str, Field[Any], Any]]:
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if field.name == "augment":
            yield from _flags(hint, f"{prefix}{field.name}_")
        elif "help" in field.metadata:
            yield prefix, field, hint


def _option(prefix: str, field: Field[Any], hint: Any) -> Callable[[Command], Command]:
    name = f"{prefix}{field.name}"
    flag = "--" + name.replace("_", "-")
    default = None if field.default is MISSING else field.default
    choices = field.metadata.get("choices")
    text = field.metadata["help"]
    if hint is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=default, help=text, show_default=True)
    if str(hint).startswith("tuple"):
        kinds = _Items(int if "int" in str(hint) else str)
        return click.option(flag, name, type=kinds, default=joined(default or ()), help=text, show_default=True)
    types = {int: click.INT, float: click.FLOAT}
    numbers = (types[each] for each in (hint, *get_args(hint)) if each in types)  # also of int | None
    kind = click.Choice(choices) if choices else next(numbers, click.STRING)
    return click.option(flag, name, type=kind, default=default, help=text, show_default=default not in (None, ""))


class _Items(ItemsType):
    """Values separated by commas; a value with a comma in it is quoted."""

    name = "LIST"

    def __init__(self, kind: type) -> None:
        self.kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(dict.fromkeys(self.kind(item) for item in items(str(value))))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers, like 0,1,2", param, ctx)


def _key(flag: str) -> str:
    """A flag's name as the file may have it: batch-size and batch_size are one."""
    return flag.lstrip("-").replace("-", "_")


def _as_typed(value: Any, option: click.Option) -> str | list[str]:
    """A value of the file as it would be typed after its flag, so that the flag's own checks hold for both."""
    if option.multiple:
        return [*map(str, value)] if isinstance(value, list) else [str(value)]
    return joined(value) if isinstance(value, list) else str(value)


def _config(command: Command) -> Command:
    def read(ctx: click.Context, param: click.Parameter, path: Path | None) -> None:
        if path is None:
            return
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            remedy = "give a TOML file of flag = value lines"
            raise UsageError(str(error), place=f"--config {path}", remedy=remedy) from None
        flags = (option for option in ctx.command.params if isinstance(option, click.Option) and option.expose_value)
        known = {_key(option.opts[0]): option for option in flags}
        defaults = {}
        for key, value in values.items():
            if _key(key) not in known:
                now = SETTINGS.get(_key(key))
                if now in known:
                    raise UsageError(f"{key} is now {now}", place=str(path), remedy=f"write {now} = {value!r}")
                raise choice_error("setting", key, sorted(known), place=str(path))
            option = known[_key(key)]
            defaults[option.name] = _as_typed(value, option)
        ctx.default_map = {**(ctx.default_map or {}), **defaults}

    return click.option(
        "--config", type=PATH, callback=read, is_eager=True, expose_value=False,
        help="TOML file with any of these settings; flags win over it",
    )(command)  # fmt: skip
