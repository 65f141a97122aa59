#!/usr/bin/env python3
"""Writes the dashboards in both languages from `source/`, or says with --check which are not what it would write.

    python3 dashboards/make.py [--check]

One file a dashboard, one function a panel: that keeps names, colours, variables and both languages the same
in all of them, which twelve files of JSON by hand would not.
"""

import importlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "source"))
sys.dont_write_bytecode = True

from text import LANGUAGES, spoken  # noqa: E402  (its folder is known only now)

# File of the dashboard: module in `source/`.
DASHBOARDS = {
    "islands-now": "islands_now",
    "quarter": "quarter",
    "island": "one_island",
    "office": "office",
    "fleet": "fleet",
    "collector": "collector_health",
}


def written():
    for name, module in DASHBOARDS.items():
        made = importlib.import_module(module).make()
        for language in LANGUAGES:
            text = json.dumps(spoken(made, language), indent=1, ensure_ascii=False) + "\n"
            yield HERE / language / f"{name}.json", text


def main():
    only_check = sys.argv[1:] == ["--check"]
    stale = []
    for file, text in written():
        if file.exists() and file.read_text() == text:
            continue
        stale.append(file)
        if not only_check:
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
    known = {file for file, _ in written()}
    stale += [file for file in HERE.glob("*/*.json") if file.parent.name in LANGUAGES and file not in known]
    for file in stale:
        print(f"{file.relative_to(HERE)}: {'is not what make.py writes' if only_check else 'written'}")
    sys.exit(1 if only_check and stale else 0)


if __name__ == "__main__":
    main()
