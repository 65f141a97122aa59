#!/usr/bin/env python3
"""into-docs.py DOC GRID CASES: puts the tables of a benchmark between the marks of a page."""
import sys

page, grid, cases = sys.argv[1:]
begin = "<!-- measured by lab/bench.sh bandwidth: begin -->\n"
end = "<!-- measured by lab/bench.sh bandwidth: end -->"
text = open(page, encoding="utf-8").read()
if begin not in text or end not in text:
    sys.exit(f"{page}: the marks are missing")
before, rest = text.split(begin)
after = rest.split(end, 1)[1]
measured = "\n".join(
    [
        "![every line with its worst error and median cost](bandwidth.svg)\n",
        open(grid, encoding="utf-8").read(),
        "### Lines that mislead\n",
        open(cases, encoding="utf-8").read(),
    ]
)
open(page, "w", encoding="utf-8").write(f"{before}{begin}\n{measured}\n{end}{after}")
