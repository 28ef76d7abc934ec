"""Which runs of other programs' logs are one arm, and which seed each is: by a pattern, given or guessed."""

from __future__ import annotations

import itertools
import re
import string
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from folklore.errors import ProblemError
from folklore.evidence.logs.event_reader import Hparam
from folklore.wording import count

GROUP = "{arm}/seed-{seed}"
SEEDS = ("seed", "random_state", "random_seed", "rng_seed", "manual_seed", "seed_everything")
# The forms in which programs name runs, likelier ones first; a seed is digits.
_LINKS = ("-", "_", "=", "")
_WORDS = ("seed", "s", "run", "rep", "trial", "fold", "version")
FORMS = (
    *(f"{{arm}}/seed{link}{{seed}}" for link in _LINKS),
    *(f"{{arm}}{before}seed{link}{{seed}}" for before in "-_,. " for link in _LINKS),
    *(f"seed{link}{{seed}}/{{arm}}" for link in _LINKS),
    *(f"{{arm}}{before}{word}{link}{{seed}}" for word in _WORDS[1:] for before in "/-_" for link in _LINKS),
    *(f"{{arm}}{before}{{seed}}" for before in "/-_"),
)  # fmt: skip
_SETTING = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]\w*?)=(.+?)(?=[,_\-+ ][A-Za-z]\w*=|/|$)")
Key = tuple[str, str]  # arm and seed


@dataclass(frozen=True)
class Grouping:
    """Runs by arm and seed.

    Attributes:
        runs: path of a run to its arm and seed.
        strange: paths that do not fit.
        pattern: by which they were grouped; a list of HParams where it begins with "hparams".
        guessed: whether nobody gave it.
    """

    runs: Mapping[str, Key]
    strange: Sequence[str]
    pattern: str
    guessed: bool

    def in_words(self) -> str:
        """Such as "2 arms × 6 seeds by {arm}/seed-{seed} (guessed; --group gives another)"."""
        sizes = Counter(arm for arm, _ in self.runs.values())
        arms = count(len(sizes), "arm")
        least, most = min(sizes.values()), max(sizes.values())
        seeds = f"× {count(most, 'seed')}" if least == most else f"with {least} to {most} seeds"
        return f"{arms} {seeds} by {self.pattern}" + (" (guessed; --group gives another)" if self.guessed else "")


def by_pattern(paths: Sequence[str], group: str, hparams: Mapping[str, Mapping[str, Hparam]]) -> Grouping:
    """The runs by a given pattern.

    Args:
        paths: of runs, in their log directory.
        group: such as "{arm}/seed-{seed}". Each name in braces stands for a directory's name or a part of it, and * for
            any text that does not matter. Where {arm} is there, all other names tell an arm's seeds apart; where it is
            not, all names but {seed} make the arm: "lr={lr}/width={width}/seed={seed}" gives "lr 0.1, width 32". Names
            of HParams only, such as "{lr} {width}", group runs by their values.
        hparams: of each run.

    Raises:
        ProblemError: the pattern cannot be read, or has no name for an arm.
    """
    expression, names = compiled(group)
    known = {name for given in hparams.values() for name in given}
    if re.fullmatch(r"(\{\w+\}[ ,]*)+", group) and set(names) <= known:
        return _by_hparams(paths, [name for name in names if name not in SEEDS], hparams, guessed=False)
    found = {path: _key(match.groupdict()) for path in paths if (match := expression.fullmatch(path))}
    return Grouping(found, [path for path in paths if path not in found], group, guessed=False)


def compiled(group: str) -> tuple[re.Pattern[str], list[str]]:
    """The regular expression of a pattern, and the names in it."""
    try:
        parts = list(string.Formatter().parse(group))
    except ValueError as error:
        raise ProblemError(f"--group {group!r} cannot be read: {error}. Write one like {GROUP!r}.") from None
    names = [name for _, name, _, _ in parts if name is not None]
    if not set(names) - {"seed"} or len(set(names)) < len(names) or not all(name.isidentifier() for name in names):
        raise ProblemError(
            f"--group {group!r} must have {{arm}} in it, or the names of what makes an arm, and each name once. Write "
            f"one like {GROUP!r} or 'lr={{lr}}/seed={{seed}}'."
        )
    texts = (
        re.escape(text).replace(r"\*", "[^/]*") + (f"(?P<{name}>[^/]+)" if name else "") for text, name, *_ in parts
    )
    return re.compile("".join(texts)), names


def _key(named: Mapping[str, str]) -> Key:
    if "arm" in named:
        return named["arm"], "/".join(value for name, value in named.items() if name != "arm")
    return in_words({name: value for name, value in named.items() if name != "seed"}), named.get("seed", "")


def in_words(settings: Mapping[str, Hparam]) -> str:
    """An arm by its settings: "lr 0.1, width 32"."""
    values = ((name, f"{v:g}" if isinstance(v, float) else v) for name, v in settings.items())
    return ", ".join(f"{name} {value}" for name, value in values)


def guess(paths: Sequence[str], hparams: Mapping[str, Mapping[str, Hparam]]) -> Grouping:
    """The runs by the pattern, or the HParams, that most of them fit.

    Where nothing looks like a seed, each run is an arm of its own.
    """
    found = None
    for each in _candidates(paths):
        if found is None or len(each.runs) > len(found.runs):
            found = each
        if not found.strange:
            break
    settings = _differing(hparams)
    if settings and len(hparams) == len(paths) and not (found and _has_equal_settings(found, settings, hparams)):
        return _by_hparams(paths, settings, hparams, guessed=True)
    if found is None:
        first, last = _telling(paths)
        arms = {path: ("/".join(path.split("/")[first:last]), "") for path in paths}
        return Grouping(arms, [], "path: no name looks like a seed", guessed=True)
    return found


def _has_equal_settings(found: Grouping, settings: Sequence[str], hparams: Mapping[str, Mapping[str, Hparam]]) -> bool:
    """Whether all runs fit, and those of an arm have equal settings."""
    pairs = {(arm, in_words({name: hparams[path].get(name, "–") for name in settings}))
             for path, (arm, _) in found.runs.items()}  # fmt: skip
    return not found.strange and len(pairs) == len({arm for arm, _ in pairs})


def _candidates(paths: Sequence[str]) -> Iterator[Grouping]:
    """The groupings that fit: by settings in the path, and by each of the forms, in folders that tell runs apart."""
    first, last = _telling(paths)
    parts = [path.split("/") for path in paths]
    deepest = max(map(len, parts))
    patterns = dict.fromkeys(_with_settings("/".join(each[first:])) for each in parts)
    for form in (*filter(None, patterns), *FORMS):
        expression = re.compile(
            compiled(form)[0]
            .pattern.replace("(?P<seed>[^/]+)", r"(?P<seed>\d+)")
            .replace("(?P<arm>[^/]+)", rf"(?P<arm>(?!(?:{'|'.join(_WORDS)})(?:[-_/]|$))[^/]+)")
        )
        # Where there is one arm, its folder is one that all runs share.
        starts = (first, first - 1) if first and form.startswith("{arm}/seed") else (first,)
        for start, end in itertools.product(starts, dict.fromkeys((last, deepest))):
            fitting = {
                path: _key(match.groupdict())
                for path, each in zip(paths, parts, strict=True)
                if (match := expression.fullmatch("/".join(each[start:end])))
            }
            if fitting:
                before = "".join(f"{part}/" for part in parts[0][:start])
                strange = [path for path in paths if path not in fitting]
                yield Grouping(fitting, strange, f"{before}{form}{'/*' * (deepest - end)}", guessed=True)


def _telling(paths: Sequence[str]) -> tuple[int, int]:
    """The first and the end of the folders that tell runs apart: all share those before, and those after follow."""
    parts = [path.split("/") for path in paths]
    above = [each[:-1] for each in parts]
    first = next((n for n, names in enumerate(zip(*above, strict=False)) if len(set(names)) > 1), min(map(len, above)))
    last = next(n for n in range(first + 1, 1_000) if len({tuple(each[:n]) for each in parts}) == len(set(paths)))
    return first, last


def _with_settings(path: str) -> str:
    """The pattern of a path with settings in it, "lr={lr}/seed={seed}" of "lr=0.1/seed=0"; "" of another path."""
    names = [_seed_or(match[1]) for match in _SETTING.finditer(path)]
    if not set(names) - {"seed"} or len(set(names)) < len(names) or set(path) & {"{", "}"}:
        return ""
    return _SETTING.sub(lambda match: f"{match[1]}={{{_seed_or(match[1])}}}", path)


def _seed_or(name: str) -> str:
    return "seed" if name.lower() in (*SEEDS, *_WORDS) else name


def _differing(hparams: Mapping[str, Mapping[str, Hparam]]) -> list[str]:
    """The settings in which runs differ. A text that is another in every run, such as a folder, names the run."""
    names = dict.fromkeys(name for given in hparams.values() for name in given if name not in SEEDS)
    found = []
    for name in names:
        values = [given.get(name) for given in hparams.values()]
        is_label = len(values) > 2 and len(set(map(str, values))) == len(values) and isinstance(values[0], str)
        if len(set(map(str, values))) > 1 and not is_label:
            found.append(name)
    return found


def _by_hparams(
    paths: Sequence[str], settings: Sequence[str], hparams: Mapping[str, Mapping[str, Hparam]], guessed: bool
) -> Grouping:
    """Arms by the values of settings; seeds by a seed among the HParams, otherwise by the runs' paths."""
    found = {}
    for path in (path for path in paths if hparams.get(path)):
        given = hparams[path]
        seed = next((f"{given[name]:g}" if isinstance(given[name], float) else str(given[name])
                     for name in SEEDS if name in given), path)  # fmt: skip
        found[path] = in_words({name: given.get(name, "–") for name in settings}), seed
    names = ", ".join(settings)
    return Grouping(found, [path for path in paths if path not in found], f"hparams {names}", guessed)
