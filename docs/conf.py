"""How the site is built (`make docs`): warnings are errors, examples are run, all of it works offline."""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "_ext")]

import kitchen  # noqa: E402  (of _ext)

import tcpflow_scapy  # noqa: E402

project = "tcpflow_scapy"
author = "the authors of tcpflow_scapy"
project_copyright = "the authors, GPL-2.0-or-later"
release = version = tcpflow_scapy.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "facts",
    "elsewhere",
    "stories",
    "offline",
]
exclude_patterns = ["_build", "_ext", "pictures/README.md"]
templates_path = ["_templates"]

# -- Markdown and examples --------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
# Examples of the guide run while the page is built, each page in its own interpreter. The notebooks come
# with their outputs (see _ext/stories.py) and are not run again.
nb_execution_mode = "auto"
nb_execution_raise_on_error = True
nb_execution_timeout = 180
nb_merge_streams = True
# The players of widgets would come from the network; a picture of the browser stands in its place.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
os.environ["IPYTHONDIR"] = str(kitchen.lay(ROOT, HERE / "_build"))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"

# -- reference from docstrings ----------------------------------------------------------------------

autosummary_generate = True
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
# Names in single backticks link where there is something to link to; parameters are only set in italics.
default_role = "autolink"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"

nitpicky = True
nitpick_ignore_regex = [
    # Types of the stages between, and what hooks are given: their contract is in the code, not here.
    (
        "py:class",
        r"(.*\.)?(Evidence|Store|Medium|Recorder|Scene|Array|_Loc|Files|BodyFile|Template|Written|WrittenBody)",
    ),
    ("py:class", r"(.*\.)?(Message|Limits|DecodeLimits|Outcome|BodyFacts|TimedStream|Headers|Range|Part)"),
    # Names in single backticks that can be imported, but have no page here: constants, parameters called like
    # a module. Links are a courtesy there (default_role); types in signatures and links in text are not.
    ("py:obj", r".*"),
]
# Two classes have this name; methods of flows mean the first.
autodoc_type_aliases = {"Conversation": "tcpflow_scapy.flows.conversation.Conversation"}

# -- looks ------------------------------------------------------------------------------------------

html_theme = "furo"
html_title = "tcpflow_scapy"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
pygments_style = "default"
pygments_dark_style = "native"
html_theme_options = {"navigation_with_keys": True}
