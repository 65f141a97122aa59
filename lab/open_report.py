#!/usr/bin/env python3
"""Opens a report's files as other programs do and looks whether everything in them has its type.

    open_report.py DIRECTORY [WORKBOOKS]

report.json must fit docs/report.schema.json; report-id.xlsx and report-en.xlsx must hold numbers, dates and texts
where the JSON report has them, with frozen heads and filters. report-LANGUAGE-PAPER.pdf are turned into pictures: every
page has the paper's size, something on it and clean margins. WORKBOOKS: the same workbooks, saved by another program.
"""

import datetime
import json
import pathlib
import subprocess
import sys

import jsonschema
import openpyxl

PAPERS = {"a4": (210, 297), "f4": (215, 330)}
# Nothing is printed nearer to a page's edge.
MARGIN_MM = 8
OFFICES = {"id": "Kantor", "en": "Offices"}
OUTAGES = {"id": "Gangguan", "en": "Outages"}
# Column of the sheet of offices: names in both languages, key of the report, kind.
COLUMNS = [
    ("Kode", "Code", "site", str),
    ("Kantor", "Office", "name", str),
    ("Ketersediaan", "Availability", "availability", float),
    ("Jam kerja", "Office hours", "expected_s", datetime.timedelta),
    ("Tersambung", "Up", "up_s", datetime.timedelta),
    ("Waktu henti", "Down", "down_s", datetime.timedelta),
]


def check_schema(report):
    schema = json.loads(pathlib.Path("docs/report.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(report))
    for error in errors[:10]:
        print(f"report.json, {error.json_path}: {error.message}")
    assert not errors, f"{len(errors)} places of report.json do not fit the schema"


def length(cell):
    """Seconds of a cell that is a length of time; a number format decides how it is read."""
    value = cell.value
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, datetime.time):
        return value.hour * 3_600 + value.minute * 60 + value.second
    if isinstance(value, datetime.datetime):
        return (value - datetime.datetime(1899, 12, 30)).total_seconds()
    assert isinstance(value, (int, float)), f"{cell.coordinate}: {value!r} is no length of time"
    return value * 86_400


def check_workbook(path, language, report, went_through):
    workbook = openpyxl.load_workbook(path)
    sheet = workbook[OFFICES[language]]
    head = [cell.value for cell in sheet[1]]
    # A program without a screen keeps no view.
    assert went_through or sheet.freeze_panes, "the head is not frozen"
    assert went_through or sheet.auto_filter.ref, "there is no filter"
    assert sheet.max_row == len(report["sites"]) + 1, f"{sheet.max_row} rows"
    cells = 0
    for row, site in zip(sheet.iter_rows(min_row=2), report["sites"]):
        for column in COLUMNS:
            name, key, kind = column[0 if language == "id" else 1], column[2], column[3]
            cell, wanted = row[head.index(name)], site[key]
            cells += 1
            place = f"{path.name}, {cell.coordinate} ({name})"
            if wanted is None:
                assert cell.value is None, f"{place}: {cell.value!r}, nothing was measured"
            elif kind is str:
                assert cell.value == wanted, f"{place}: {cell.value!r}, the report has {wanted!r}"
            elif kind is float:
                # Cut to two decimals of a per cent.
                assert isinstance(cell.value, (int, float)), f"{place}: {cell.value!r} is no number"
                assert -1e-9 <= wanted - cell.value < 1.0001e-4, f"{place}: {cell.value}, the report has {wanted}"
                assert "%" in cell.number_format, f"{place}: format {cell.number_format}"
            else:
                assert abs(length(cell) - wanted) < 1, f"{place}: {cell.value!r}, the report has {wanted} s"
    outages = workbook[OUTAGES[language]]
    told = sum(len(site["outages"]) for site in report["sites"])
    assert outages.max_row == told + 1, f"{outages.max_row} rows, {told} outages"
    dates = [cell for row in outages.iter_rows(min_row=2) for cell in row if isinstance(cell.value, datetime.datetime)]
    assert told == 0 or len(dates) >= 2 * told, f"{len(dates)} dates for {told} outages"
    formulas = [c.coordinate for each in workbook for row in each.iter_rows() for c in row if c.data_type == "f"]
    assert not formulas, f"formulas: {formulas[:5]}"
    return cells + len(dates)


def pages_of(path, dots_an_inch=50):
    """(width, height, rows of grey) of each page, as poppler draws it."""
    drawn = subprocess.run(["pdftoppm", "-gray", "-r", str(dots_an_inch), path], check=True, capture_output=True).stdout
    pages = []
    while drawn:
        kind, size, depth, rest = drawn.split(b"\n", 3)
        assert (kind, depth) == (b"P5", b"255"), f"{path}: not a picture: {kind!r}, {depth!r}"
        width, height = map(int, size.split())
        pages.append([rest[row * width : (row + 1) * width] for row in range(height)])
        drawn = rest[width * height :]
    return pages


def check_pages(path, paper, dots_an_inch=50):
    pages = pages_of(path, dots_an_inch)
    wide, high = (round(mm / 25.4 * dots_an_inch) for mm in PAPERS[paper])
    edge = int(MARGIN_MM / 25.4 * dots_an_inch)
    for number, rows in enumerate(pages, 1):
        place = f"{path.name}, page {number}"
        assert abs(len(rows[0]) - wide) <= 1 and abs(len(rows) - high) <= 1, f"{place}: {len(rows[0])} x {len(rows)}"
        inked = sum(grey < 160 for row in rows for grey in row) / (wide * high)
        assert 0.001 < inked < 0.5, f"{place}: {inked:.4f} of it is dark"
        margins = [*rows[:edge], *rows[-edge:], *(row[:edge] + row[-edge:] for row in rows)]
        assert all(grey > 250 for row in margins for grey in row), f"{place}: something stands in its margin"
    return len(pages)


def main(directory, workbooks=None):
    directory = pathlib.Path(directory)
    report = json.loads((directory / "report.json").read_text(encoding="utf-8"))
    check_schema(report)
    for language in OFFICES:
        path = pathlib.Path(workbooks or directory) / f"report-{language}.xlsx"
        cells = check_workbook(path, language, report, went_through=workbooks is not None)
        print(f"{path.name}: {cells} cells are what they should be")
        for paper in PAPERS if workbooks is None else ():
            pdf = directory / f"report-{language}-{paper}.pdf"
            print(f"{pdf.name}: {check_pages(pdf, paper)} pages look right")


if __name__ == "__main__":
    main(*sys.argv[1:])
