#!/usr/bin/env python3
"""Draws the dashboards in Debian's chromium with Grafana's own front-end packages, against a real Prometheus.

    python3 dashboards/pictures/draw.py OUT [id/office en/fleet ...]     all twelve without names

Writes a PNG a dashboard into OUT. Fetches packages from npm into target/pictures, which can be removed at any time.
Needs the debug programs (`cargo build --workspace`), Debian's `prometheus` and `promtool` on the path (`. lab/tools.sh;
install_lab_tools`), node 20 and `chromium`. What is drawn by whose code: `dashboards/README.md`.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from world import OFFICES, ROOT, World, wait_for  # noqa: E402

# So often the past of the page is told that lines have no holes; Prometheus looks back five minutes.
PAST_EVERY_S = 240


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    out, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
    every = sorted(f"{file.parent.name}/{file.stem}" for file in HERE.parent.glob("??/*.json"))
    unknown = [name for name in names if name not in every]
    if unknown:
        raise SystemExit(f"no such dashboard: {', '.join(unknown)}; there are {', '.join(every)}")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    out.mkdir(parents=True, exist_ok=True)
    built = build(target / "pictures")
    with tempfile.TemporaryDirectory() as folder, World(folder, target / "debug", past_every_s=PAST_EVERY_S) as world:
        wait_for("Prometheus to scrape and to judge rules", lambda: world.finds("suar:island_open_sites:count"))
        # The offices that push no more have fallen silent by then, as the dashboards should show them.
        wait_for("silent offices", lambda: world.finds('sum(suar_site_state{state="silent"}) > 5'))
        # It stands beside the node modules, where node finds them.
        command = ["node", "shoot.mjs", built, HERE.parent, world.prometheus, out.resolve(), *(names or every)]
        # Where an office is chosen it is one that is up and tells all there is to tell.
        shown = os.environ | {"SUAR_SITE": next(site for site, said in OFFICES.items() if said == "up")}
        sys.exit(subprocess.run(command, cwd=built.parent, env=shown).returncode)


def build(work):
    """The page, made by vite from our sources and Grafana's packages."""
    work.mkdir(parents=True, exist_ok=True)
    for file in HERE.iterdir():
        if file.suffix in (".jsx", ".js", ".mjs", ".html", ".json"):
            shutil.copy(file, work)
    if not (work / "node_modules/@grafana/ui").exists():
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=work, check=True)
    subprocess.run(["npx", "--no-install", "vite", "build", "--logLevel", "error"], cwd=work, check=True)
    return work / "dist"


if __name__ == "__main__":
    main()
