#!/usr/bin/env python3
"""A simulated fleet many times over, as far as a report reads it: for benchmarks of a country's offices.

    multiply.py DATA TIMES

Every office of the data directory stands there TIMES times afterwards, with agents of their own that saw the same.
Summaries and what explains holes are copied, records are not: a report reads none. Nobody may use DATA meanwhile.
"""

import json
import pathlib
import sqlite3
import sys

# Tables with a column `agent` that a report reads, and their other columns.
OF_AGENTS = {
    "explanation": "from_s, to_s, reason",
    "lost": "epoch, first, last",
    "ack": "epoch, first, last, first_ms, last_ms",
}


def another(agent, number):
    """The same identity but for its last two bytes: ids are random, and so are all the others."""
    return agent[:-2] + number.to_bytes(2, "big")


def multiply_registry(data, numbers):
    store = sqlite3.connect(data / "suar.db")
    sites = store.execute("SELECT code, valid_from_ms, json FROM site_version").fetchall()
    agents = store.execute("SELECT id, token_hash, site, joined_ms, version, system FROM agent").fetchall()
    with store:
        for number in numbers:
            code = lambda of: f"{of}-{number}x"
            store.executemany(
                "INSERT INTO site_version (code, valid_from_ms, json) VALUES (?, ?, ?)",
                ((code(of), at, json.dumps(json.loads(text) | {"code": code(of)})) for of, at, text in sites),
            )
            store.executemany(
                "INSERT INTO agent (id, token_hash, site, joined_ms, version, system) VALUES (?, ?, ?, ?, ?, ?)",
                ((another(i, number), another(token, number), code(of), *rest) for i, token, of, *rest in agents),
            )
        for table, columns in OF_AGENTS.items():
            rows = store.execute(f"SELECT agent, {columns} FROM {table}").fetchall()
            marks = ", ".join("?" * (1 + len(columns.split(","))))
            store.executemany(
                f"INSERT INTO {table} (agent, {columns}) VALUES ({marks})",
                ((another(agent, number), *rest) for agent, *rest in rows for number in numbers),
            )


def multiply_month(file, numbers):
    month = sqlite3.connect(file)
    month.execute("DELETE FROM chunk")
    month.commit()
    month.execute("VACUUM")
    agents = [agent for (agent,) in month.execute("SELECT DISTINCT agent FROM summary ORDER BY agent")]
    with month:
        for agent in agents:
            rows = month.execute("SELECT day, bytes FROM summary WHERE agent = ?", (agent,)).fetchall()
            for number in numbers:
                month.executemany(
                    "INSERT INTO summary (agent, day, bytes) VALUES (?, ?, ?)",
                    ((another(agent, number), *row) for row in rows),
                )


def main(data, times):
    data, numbers = pathlib.Path(data), range(1, int(times))
    multiply_registry(data, numbers)
    for file in sorted(data.glob("records-*.db")):
        multiply_month(file, numbers)


if __name__ == "__main__":
    main(*sys.argv[1:])
