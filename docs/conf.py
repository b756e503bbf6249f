"""The documentation site: ``make docs`` writes docs/_build/html, and a warning is an error."""

import os
import re
import sys
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml
from pygments.lexers.special import TextLexer

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import generated  # noqa: E402, the folder is known from here on

from hringur.play.site import site as play  # noqa: E402

project = "Hringur"
author = "the contributors of Hringur"
release = version_of("hringur")
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "furo"
html_title = "Hringur"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_math_renderer = "mathml"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0072b2"},
    "dark_css_variables": {"color-brand-primary": "#56b4e9", "color-brand-content": "#56b4e9"},
}
highlight_language = "none"

myst_enable_extensions = ["dollarmath", "amsmath", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = os.environ.get("HRINGUR_NOTEBOOKS", "cache")  # "off": pages without outputs
nb_execution_in_temp = True  # notebooks leave nothing beside their page
nb_execution_cache_path = f"{DOCS}/_build/cache_{os.environ.get('HRINGUR_BUDGET', 'full')}"
nb_execution_timeout = 1800  # seconds a cell, on a busy machine
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
napoleon_numpy_docstring = False

NAVIGATION = {
    "Tutorials": ["guide", "lecture/index", "lecture/[1-6]_*", "play"],
    "How-to guides": [
        "training", "comparisons", "cluster", "data", "command_line", "applications",
        "trading_your_own_prices", "models_elsewhere", "with_other_libraries",
        "_generated/contributing",
    ],
    "Reference": [
        "_generated/environments/index", "_generated/learners/index", "_generated/models/index",
        "environments", "stock_trading", "breakout", "questions", "agents", "reinforce",
        "baselines", "references", "estimators", "generative", "words_and_molecules", "metrics",
        "names", "_generated/api/index", "_generated/changelog",
    ],
    "Explanation": [
        "architecture", "evaluation", "generative_metrics", "trading_optima", "results",
        "benchmarks", "_generated/gallery",
    ],
}  # fmt: skip
"""The four parts of the site. A page that is in none is a warning, so the build fails."""

OUTSIDE = {
    "../README.md": "index.md",
    "../CONTRIBUTING.md": "_generated/contributing.md",
    "../NOTICE": "_generated/notice.md",
}
"""Where links out of the folder lead on the site."""


LANGUAGE = "language_info:\n  name: python\n  pygments_lexer: ipython3\n"
"""The language of the cells, which a kernel would write into the notebook if one ran."""


def read(app: Any, name: str, source: list[str]) -> None:
    """Links out of the folder lead to pages of the site; the landing page gets the navigation."""
    if nb_execution_mode == "off":
        source[0] = source[0].replace("\nkernelspec:\n", f"\n{LANGUAGE}kernelspec:\n", 1)
    for target, page in OUTSIDE.items():
        source[0] = source[0].replace(f"]({target})", f"](/{page})")
    if name == "index":
        source[0] += generated.toctrees(NAVIGATION)


def mathml(text: str, as_block: bool) -> str:
    """A formula; braces stay as high as letters beside an index."""
    made = tex2mathml(text, as_block=as_block)
    return re.sub(r"<mo>([{}])</mo>", r'<mo stretchy="false">\1</mo>', made)


def visit_math(translator: Any, node: Any) -> None:
    """MathML, which browsers draw by themselves: no script from another place."""
    translator.body.append(mathml(node.astext(), as_block=False))
    raise SkipNode


def visit_display(translator: Any, node: Any) -> None:
    """The same on a line of its own."""
    translator.body.append(f"<p>{mathml(node.astext(), as_block=True)}</p>")
    raise SkipNode


def write_play(app: Any, error: Exception | None) -> None:
    """The page to play with goes beside the others, as ``hringur demo --folder`` writes it."""
    if error is None and app.builder.name == "html":
        folder = Path(app.outdir) / "play"
        folder.mkdir(exist_ok=True)
        for name, content in play().items():
            (folder / name).write_bytes(content)


def setup(app: Any) -> None:
    """What Sphinx calls first."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_display, None))
    app.add_lexer("mermaid", TextLexer)
    app.connect("builder-inited", lambda app: generated.write(DOCS / "_generated"))
    app.connect("source-read", read)
    app.connect("build-finished", write_play)
