"""Grafana's panels as small functions. Only Grafana's own panels, so that nothing has to be installed."""

from status import mappings, steps
from text import Text

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def query(expression, legend="__auto", instant=False, table=False):
    return {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expression,
        "legendFormat": legend,
        "range": not instant,
        "instant": instant,
        "format": "table" if table else "time_series",
    }


def lettered(queries):
    return [{"refId": chr(ord("A") + at), **one} for at, one in enumerate(queries)]


def panel(kind, title, about, queries, defaults, options, overrides=(), **more):
    return {
        "type": kind,
        "title": title,
        "description": about or "",
        "datasource": SOURCE,
        "targets": lettered(queries),
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
        **more,
    }


def override(name, **properties):
    """What is different for one field; `custom_width=90` sets `custom.width`."""
    dotted = {key.replace("custom_", "custom."): value for key, value in properties.items()}
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in dotted.items()],
    }


def stat(title, about, expression, kinds=None, unit=None, decimals=None, thresholds=None, text="auto", legend="__auto", fill=True):
    """One number or one status. `kinds` makes words of numbers."""
    defaults = {"color": {"mode": "thresholds"}, "thresholds": thresholds or steps((None, "text"))}
    if kinds:
        # A stat is as large as its panel, and what breaks after the sign is cut off.
        defaults["mappings"] = mappings({key: (label, word.on_one_line(), colour) for key, (label, word, colour) in kinds.items()})
    if unit:
        defaults["unit"] = unit
    if decimals is not None:
        defaults["decimals"] = decimals
    defaults["noValue"] = "–"
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "textMode": text,
        # A status fills its panel; a count colours its figure only, and only where there is something to see.
        "colorMode": ("background" if kinds else "value") if fill and (kinds or thresholds) else "none",
        "graphMode": "none",
        "justifyMode": "auto",
    }
    return panel("stat", title, about, [query(expression, legend, instant=True)], defaults, options)


def lines(title, about, queries, unit=None, bars=False, stacked=False, least=None, most=None, thresholds=None, overrides=(), interval=None):
    """Values over time. `queries` are (expression, legend)."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "lineWidth": 1,
        "fillOpacity": 60 if bars else (30 if stacked else 0),
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    defaults = {"custom": custom, "color": {"mode": "palette-classic-by-name"}}
    if thresholds:
        custom["thresholdsStyle"] = {"mode": "dashed"}
        defaults["thresholds"] = thresholds
    for key, value in (("unit", unit), ("min", least), ("max", most)):
        if value is not None:
            defaults[key] = value
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    more = {"interval": interval} if interval else {}
    return panel("timeseries", title, about, [query(*one) for one in queries], defaults, options, overrides, **more)


def coloured(label, word, colour):
    """Name and colour of a line that carries a label as its legend."""
    return override(label, displayName=word, color={"mode": "fixed", "fixedColor": colour})


def timeline(title, about, expression, legend, kinds, row_height=0.9, values="auto", interval="1m"):
    """Which status when; holes where nobody looked."""
    defaults = {
        "custom": {"fillOpacity": 85, "lineWidth": 0},
        "color": {"mode": "thresholds"},
        "thresholds": steps((None, "text")),
        "mappings": mappings(kinds),
    }
    options = {
        "mergeValues": True,
        "showValue": values,
        "alignValue": "left",
        "rowHeight": row_height,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, about, [query(expression, legend)], defaults, options, interval=interval)


def days(title, about, expression, legend, thresholds):
    """One cell a day, the figure written in it."""
    defaults = {
        "custom": {"fillOpacity": 85, "lineWidth": 1},
        "unit": "percentunit",
        "decimals": 0,
        "color": {"mode": "thresholds"},
        "thresholds": thresholds,
    }
    options = {
        "showValue": "auto",
        "rowHeight": 0.9,
        "colWidth": 0.95,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("status-history", title, about, [query(expression, legend)], defaults, options, interval="1d", maxDataPoints=120)


class Column:
    """A column of a table: a label (`source` is its name) or the value of an expression."""

    def __init__(self, title, label=None, value=None, kinds=None, words=None, unit=None, decimals=None, link=None, width=None, bar=None, hidden=False):
        self.title, self.label, self.value = title, label, value
        self.kinds, self.words, self.unit, self.decimals = kinds, words, unit, decimals
        self.link, self.width, self.bar, self.hidden = link, width, bar, hidden

    def override(self):
        properties = {}
        if self.kinds:
            properties |= {"mappings": mappings(self.kinds), "custom_cellOptions": {"type": "color-text"}}
        if self.words:
            properties["mappings"] = self.words
        if self.unit:
            properties["unit"] = self.unit
        if self.decimals is not None:
            properties["decimals"] = self.decimals
        if self.width:
            properties["custom_width"] = self.width
        if self.bar:
            properties |= {
                "custom_cellOptions": {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"},
                "min": 0,
                "max": 1,
                "thresholds": self.bar,
                "color": {"mode": "thresholds"},
            }
        if self.link:
            properties["links"] = [self.link]
        return override(self.title, **properties) if properties else None


def table(title, about, columns, sort, descending=True):
    """Columns side by side, rows matched by the labels they share; sorted by the title of a column."""
    valued = [column for column in columns if column.value]
    keys = {id(column): f"Value #{chr(ord('A') + at)}" for at, column in enumerate(valued)}
    if len(valued) == 1:
        keys[id(valued[0])] = "Value"
    source = {id(column): column.label or keys[id(column)] for column in columns}
    shown = [column for column in columns if not column.hidden]
    overrides = [found for found in (column.override() for column in shown) if found]
    by_key = {source[id(column)] for column in columns}
    hidden = {source[id(column)]: True for column in columns if column.hidden}
    # Labels that the scrape adds are nobody's question, and names come by the join where one column wants them.
    unasked = ("Time", "instance", "job", "__name__", "agent", "island_name")
    unwanted = {name: True for name in unasked if name not in by_key}
    transformations = [
        {"id": "merge", "options": {}},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": source[id(sort)], "desc": descending}]}},
        {
            "id": "organize",
            "options": {
                "excludeByName": unwanted | hidden,
                "renameByName": {source[id(column)]: column.title for column in shown},
                "indexByName": {source[id(column)]: at for at, column in enumerate(columns)},
            },
        },
    ]
    defaults = {
        "custom": {"align": "auto", "cellOptions": {"type": "auto"}, "filterable": False},
        "color": {"mode": "thresholds"},
        "thresholds": steps((None, "text")),
        "noValue": "–",
    }
    options = {"showHeader": True, "cellHeight": "sm"}
    queries = [query(column.value, "__auto", instant=True, table=True) for column in valued]
    return panel("table", title, about, queries, defaults, options, overrides, transformations=transformations)


def text(content):
    return {"type": "text", "title": "", "transparent": True, "options": {"mode": "markdown", "content": content}}


def row(question):
    return {"type": "row", "title": question, "collapsed": False, "panels": []}


def laid_out(rows):
    """Panels with their places and numbers. A row is (question, height, [(width, panel), ...]) or several lines."""
    placed, y = [], 0
    for question, *shelves in rows:
        placed.append({**row(question), "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        y += 1
        for height, shelf in shelves:
            x = 0
            for width, one in shelf:
                placed.append({**one, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
                x += width
            assert x <= WIDTH, f"{question.en}: {x} wide"
            y += height
    return [{"id": number, **one} for number, one in enumerate(placed, 1)]


def chosen(name, label, query_text, pattern, several):
    """A variable whose values are codes and whose texts are names."""
    variable = {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"qryType": 3, "query": query_text, "refId": name},
        "regex": pattern,
        "refresh": 2,
        "sort": 1,
        "multi": several,
        "includeAll": several,
        "hide": 0,
        "options": [],
    }
    if several:
        variable |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"], "selected": True}}
    return variable


def regency_variable(several=True):
    return chosen(
        "regency",
        Text("Kabupaten/Kota", "Regency"),
        "query_result(count by (regency, regency_name) (suar_site_info))",
        '/regency="(?<value>[^"]+)".*regency_name="(?<text>[^"]+)"/',
        several,
    )


def island_variable(several=True):
    return chosen(
        "island",
        Text("Pulau", "Island"),
        'query_result(count by (island, island_name) (suar_site_info{regency=~"$regency"}))',
        '/island="(?<value>[^"]+)".*island_name="(?<text>[^"]+)"/',
        several,
    )


def site_variable():
    return chosen(
        "site",
        Text("Kantor", "Office"),
        'query_result(count by (name, site) (suar_site_info{regency=~"$regency"}))',
        '/name="(?<text>[^"]+)".*site="(?<value>[^"]+)"/',
        False,
    )


def dashboard(uid, title, about, rows, variables, start, links=(), refresh="1m"):
    source = {
        "name": "datasource",
        "label": Text("Sumber data", "Data source"),
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "refresh": 1,
        "regex": "",
        "options": [],
        "includeAll": False,
        "multi": False,
    }
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["suar", Text("suar-id", "suar-en")],
        "timezone": "browser",
        "schemaVersion": 42,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "time": {"from": start, "to": "now"},
        "refresh": refresh,
        "links": [
            {
                "title": Text("Dasbor Suar", "Suar dashboards"),
                "type": "dashboards",
                "url": "",
                "icon": "external link",
                "targetBlank": False,
                "asDropdown": True,
                "includeVars": True,
                "keepTime": False,
                "tags": [Text("suar-id", "suar-en")],
                "tooltip": "",
            },
            *links,
        ],
        "annotations": {"list": []},
        "templating": {"list": [source, *variables]},
        "panels": laid_out(rows),
    }
