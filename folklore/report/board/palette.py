"""The report's colours in TensorBoard's own tabs."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import IO

from tensorboard import assets

from folklore.report.plots import COLOURS

_PALETTE = re.compile(r'(colorPalette:\{id:"default",name:"\w+",colors:)\[[^]]*\]')
_ON_BLACK = {"#000000": "#bbbbbb"}


def coloured_assets() -> IO[bytes]:
    """TensorBoard's web pages with the report's colours in place of its own, for which it has no setting.

    The first group of runs has the first colour. Pages that hold no such palette, of another version, stay as they are.
    """
    file = io.BytesIO()
    with (
        assets.get_default_assets_zip_provider()() as archive,
        zipfile.ZipFile(archive) as given,
        zipfile.ZipFile(file, "w") as changed,
    ):
        for name in given.namelist():
            content = given.read(name)
            changed.writestr(name, _recoloured(content.decode()).encode() if name == "index.js" else content)
    file.seek(0)
    return file


def _recoloured(script: str) -> str:
    colours = [{"name": hexed, "lightHex": hexed, "darkHex": _ON_BLACK.get(hexed, hexed)} for hexed in COLOURS]
    return _PALETTE.sub(lambda match: match[1] + json.dumps(colours), script, count=1)
