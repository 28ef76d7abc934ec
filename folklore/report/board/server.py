"""TensorBoard's own command line with one more tab, without TensorFlow: it starts in a second."""

from __future__ import annotations

import sys
import types

# TensorBoard uses its own stand-in for TensorFlow where this module exists (tensorboard/compat/__init__.py).
sys.modules["tensorboard.compat.notf"] = types.ModuleType("tensorboard.compat.notf")


def main(arguments: list[str]) -> int:
    """Run TensorBoard until it is interrupted; return its exit status."""
    from tensorboard import default, main_lib, program
    from tensorboard.plugins.base_plugin import FlagsError

    from folklore.report.board import palette, plugin

    # main_lib uses `tf` only to decide whether to warn that TensorFlow is not installed; it is. The other modules must
    # recognise the stand-in: the projector and the reader of event files then work without TensorFlow.
    main_lib.tf = types.SimpleNamespace(__version__="none")
    main_lib.global_init()
    # `board` has printed a better address: one that pins the compared metric.
    program.WerkzeugServer.print_serving_message = lambda self: print("Ctrl-C ends TensorBoard.", file=sys.stderr)
    tabs = [plugin.VerdictTab, *default.get_plugins()]
    board = program.TensorBoard(plugins=tabs, assets_zip_provider=palette.coloured_assets)
    try:
        board.configure(arguments)
        return int(board.main() or 0)
    except FlagsError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
