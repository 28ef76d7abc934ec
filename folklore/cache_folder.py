"""Where what was measured on this machine is kept."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """Folklore's folder among the user's caches."""
    return user_cache_path("folklore")
