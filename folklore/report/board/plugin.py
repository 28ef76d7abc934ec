"""The board's first tab, as a plugin of TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from tensorboard.backend import http_util
from tensorboard.plugins import base_plugin
from werkzeug import wrappers

from folklore.report.board.places import CONTENT

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class VerdictTab(base_plugin.TBPlugin):
    """The first tab: it shows what `verdict_tab.write` left in the log directory, and follows its changes."""

    plugin_name = "verdict"

    def __init__(self, context: base_plugin.TBContext) -> None:
        self.file = Path(context.logdir) / CONTENT

    def get_plugin_apps(self) -> dict[str, Application]:
        """What the browser asks for, by its path."""
        static, assets = files("folklore.report.board") / "static", files("folklore.report") / "assets"
        shown = {
            "/tab.js": (static, "text/javascript"),
            "/tab.css": (static, "text/css"),
            "/style.css": (assets, "text/css"),
            "/plotly-basic.min.js": (assets, "text/javascript"),
        }
        applications = {path: _answer(folder / path[1:], kind) for path, (folder, kind) in shown.items()}
        return applications | {"/content": _answer(self.file, "application/json")}

    def is_active(self) -> bool:
        """Whether there is something to show."""
        return self.file.is_file()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Its name in the row of tabs; it follows changes by itself."""
        return base_plugin.FrontendMetadata(es_module_path="/tab.js", tab_name="Verdict", disable_reload=True)


def _answer(file: Traversable, kind: str) -> Application:
    """An application that answers every request with a file's text."""

    @wrappers.Request.application
    def answer(request: wrappers.Request) -> wrappers.Response:
        return http_util.Respond(request, file.read_text("utf-8"), kind)

    return answer
