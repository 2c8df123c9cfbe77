"""Make the captures of this folder anew: ``python sample_pcaps/make.py [NAME ...]``; needs Linux and root.

Without names: all. ``truth.json`` gets what is true in each, the table in ``README.md`` follows it. Real
programs and real kernels take part, so no two runs give the same bytes; what the samples show stays.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from make.catalogue import SAMPLES, NotShownError, Sample
from make.lab import Lab
from make.record import read_truth, write_readme, write_truth
from make.truth import Story, tell

HERE = Path(__file__).resolve().parent


def make(sample: Sample, attempts: int = 5) -> list[Story]:
    """Make one capture; what is true in it comes back.

    Raises
    ------
    NotShownError
        If it never shows what it should.
    """
    for attempt in range(attempts):
        with tempfile.TemporaryDirectory(prefix="sample") as folder:
            lab = Lab(Path(folder) / sample.file, Path(folder), HERE)
            sample.make(lab)
            stories = tell(lab.rows, lab.sent())
            try:
                sample.check(stories)
            except NotShownError:
                if attempt + 1 == attempts:
                    raise
                continue
            (HERE / sample.file).write_bytes(lab.target.read_bytes())
            return stories
    raise AssertionError("unreachable")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="file names, with or without suffix")
    names = parser.parse_args().names
    chosen = [s for s in SAMPLES if not names or s.file in names or s.file.split(".")[0] in names]
    if not chosen:
        parser.error("no such sample; there are: " + " ".join(s.file for s in SAMPLES))
    if os.geteuid() or not sys.platform.startswith("linux"):
        print("make.py: needs Linux and root: it makes network namespaces", file=sys.stderr)
        return 1
    truth = read_truth(HERE)
    for sample in chosen:
        stories = make(sample)
        truth[sample.file] = stories
        print(f"{sample.file}: {len(stories)} flows, {(HERE / sample.file).stat().st_size:,} bytes")
        write_truth(HERE, truth, [s.file for s in SAMPLES])
    write_readme(HERE, SAMPLES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
