"""One folder of HTML that works from a file: an index of all claims, and a page for each experiment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from callbacks.files import write_bytes
from folklore.errors import ProblemError
from folklore.report import claims, drawings, page, plots, summary, tables
from folklore.report.summary import Result
from folklore.wording import count

# plotly-basic.min.js is plotly.js without the charts that no page has: of 1.2 MB, where plotly.py brings 4.8.
_ASSETS = ("style.css", "page.js", "plotly-basic.min.js", "plotly-LICENSE.txt")


def write(found: Sequence[Result], out: Path) -> Path:
    """Write the report on experiments' records into `out`; return its index.html.

    Beside the pages: claims.md, the index as Markdown; claims.csv, all figures; assets/, which the pages use; results/,
    the records themselves, without what would make them large.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("folklore.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    stems = [summary.stem(result) for result in found]
    for name in stems:
        if stems.count(name) > 1:
            raise ProblemError(f"Two of the results are called {name!r}, so one page would replace the other.")
    style = plots.styles([list(result.comparison.arms) for result in found], plots.VARIABLES)
    # All pages are made before any is written.
    pages: dict[str, str | bytes] = {}
    template = environment.get_template("experiment.html")
    links = [page.Link.to(result, f"{stem}.html") for result, stem in zip(found, stems, strict=True)]
    for place, (result, stem) in enumerate(zip(found, stems, strict=True)):
        drawn = drawings.lay_out(stem, result.pictures or [], result.networks or {})
        around = {"before": links[place - 1] if place else None, "after": dict(enumerate(links)).get(place + 1)}
        pages[f"{stem}.html"] = template.render(page.content(result, style) | around, drawn=drawn)
        pages |= drawn.files
    rows, tested = claims.index_rows(found)
    pages["index.html"] = environment.get_template("index.html").render(
        title="Deep-learning advice on trial",
        size=claims.size(found),
        counts=sorted(Counter(row.verdict for row in rows).items(), key=lambda item: -item[1]),
        topics=claims.topics(rows),
        tested=count(tested, "test"),
    )
    pages["claims.md"] = claims.as_markdown(found)
    pages["claims.csv"] = tables.as_csv(claims.figures(found))
    pages |= {f"assets/{name}": files("folklore.report").joinpath("assets", name).read_bytes() for name in _ASSETS}
    for name, content in pages.items():
        write_bytes(out / name, content if isinstance(content, bytes) else content.encode())
    for result in found:
        summary.write(result, out / "results")
    return out / "index.html"
