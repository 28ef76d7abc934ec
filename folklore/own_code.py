"""The user's own code: neither that of libraries nor folklore/ itself."""

from __future__ import annotations

import functools
import site
import sysconfig
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def place(error: BaseException) -> str:
    """The last line of the user's own code that led to an error, " (experiments/mine.py, line 7)"; "" if none did."""
    frames = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    own = [(path, line) for path, line in frames if path.is_file() and not _is_foreign(path)]
    if not own:
        return ""
    path, line = own[-1]
    return f" ({path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}, line {line})"


def is_library(path: Path) -> bool:
    """Whether a file or folder belongs to Python or to an installed package."""
    return any(path.is_relative_to(folder) for folder in _libraries())


def _is_foreign(path: Path) -> bool:
    return is_library(path) or path.is_relative_to(ROOT / "folklore")


@functools.cache
def _libraries() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()  # others of these, such as "data", may be all of /usr
    given = {*(paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")), *site.getsitepackages()}
    # A virtual environment may be a link, and paths come as given and resolved.
    return tuple({path for name in given for path in (Path(name), Path(name).resolve())})
