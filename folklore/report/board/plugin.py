"""The board's first tab, as a plugin of TensorBoard."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs
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
        static = files("folklore.report.board").joinpath("static")
        return {
            "/tab.js": _answer(lambda: static.joinpath("tab.js").read_text("utf-8"), "text/javascript"),
            "/tab.css": _answer(lambda: static.joinpath("tab.css").read_text("utf-8"), "text/css"),
            "/plotly.js": _answer(get_plotlyjs, "text/javascript", keep=3600),
            "/content": _answer(lambda: self.file.read_text("utf-8"), "application/json"),
        }

    def is_active(self) -> bool:
        """Whether there is something to show."""
        return self.file.is_file()

    def frontend_metadata(self) -> base_plugin.FrontendMetadata:
        """Its name in the row of tabs; it follows changes by itself."""
        return base_plugin.FrontendMetadata(es_module_path="/tab.js", tab_name="Verdict", disable_reload=True)


def _answer(read: Callable[[], str], kind: str, keep: int = 0) -> Application:
    """An application that answers every request with a text, which the browser keeps for some seconds."""

    @wrappers.Request.application
    def answer(request: wrappers.Request) -> wrappers.Response:
        return http_util.Respond(request, read(), kind, expires=keep)

    return answer
