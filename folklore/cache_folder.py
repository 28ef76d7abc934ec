"""The folder for measurements made on this machine."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """Folklore's folder in the user's cache folder."""
    return user_cache_path("folklore")
