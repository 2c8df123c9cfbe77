"""Where the examples of the guide run: a folder with the sample captures, so that no page must set it up."""

from __future__ import annotations

import shutil
from pathlib import Path

_START = """\
import os, warnings
os.chdir({folder!r})
# Errors as their reader should see them: what is wrong, not where in our code and on whose machine.
get_ipython().InteractiveTB.set_mode(mode="Minimal")
warnings.simplefilter("ignore", DeprecationWarning)
"""


def lay(root: Path, build: Path) -> Path:
    """Make the folder, and a profile of IPython that begins in it.

    Returns
    -------
    Path
        For ``IPYTHONDIR``.
    """
    folder, profile = build / "kitchen", build / "ipython"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "sample_pcaps").symlink_to(root / "sample_pcaps")
    startup = profile / "profile_default" / "startup"
    startup.mkdir(parents=True, exist_ok=True)
    (startup / "00-kitchen.py").write_text(_START.format(folder=str(folder)))
    return profile
