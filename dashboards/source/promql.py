"""Expressions that several panels share. Names of metrics are those of docs/metrics.md and docs/history.md."""

from status import CAUSES, STANDINGS, STATES

IN_REGION = 'suar_site_info{regency=~"$regency",island=~"$island"}'
IN_REGENCY = 'suar_site_info{regency=~"$regency"}'


def of_region(expression, chosen=IN_REGION):
    """Sites that the variables choose."""
    return f"({expression}) and on (site) {chosen}"


def of_islands(expression, chosen=IN_REGENCY):
    return f"({expression}) and on (island) {chosen}"


def coded(kinds, labels, selector, offset=""):
    """A status as a number: the sum of 0/1 series times their numbers."""
    shift = f" offset {offset}" if offset else ""
    terms = [
        f"{number} * max by ({labels}) ({selector.format(label)}{shift})" for number, (label, _, _) in kinds.items() if label and number
    ]
    return " + ".join(terms)


def island_standing(offset=""):
    return coded(STANDINGS, "island, island_name", 'suar_island_standing{{standing="{}"}}', offset)


def site_standing(labels="site", site=""):
    return coded(STANDINGS, labels, 'suar_site_standing{{' + site + 'standing="{}"}}')


def site_state(labels="site", site=""):
    return coded(STATES, labels, 'suar_site_state{{' + site + 'state="{}"}}')


def named(expression, names="name, island_name"):
    """With the names of the site."""
    return f"({expression}) * on (site) group_left ({names}) suar_site_info"


def named_past(expression, names="name"):
    """The same for history, which is older than what was scraped: names are those of the end of the range."""
    return f"({expression}) * on (site) group_left ({names}) (suar_site_info @ end())"


def state_history(matchers, labels):
    """What was so, late data in its place: 1 up, from 2 on down with its cause. The worst of each step."""
    causes = [
        f'{number} * max_over_time(suar_history_site_down_cause{{{matchers},cause="{label}"}}[$__interval])'
        for number, (label, _, _) in CAUSES.items()
    ]
    up = f"min_over_time(suar_history_site_up{{{matchers}}}[$__interval]) == 1"
    return f"max by ({labels}) (({up}) or " + " or ".join(causes) + ")"


def office_seconds(state, matchers, labels, window, offset=""):
    """Seconds of office hours by state, as the report counts them."""
    shift = f" offset {offset}" if offset else ""
    return f'sum by ({labels}) (sum_over_time(suar_history_hourly_office_seconds{{{matchers},state="{state}"}}[{window}]{shift}))'


def availability(matchers, labels, window, offset=""):
    up = office_seconds("up", matchers, labels, window, offset)
    down = office_seconds("down", matchers, labels, window, offset)
    return f"{up} / (({up} + {down}) > 0)"


def observed(matchers, labels, window, offset=""):
    seen = office_seconds("up|down", matchers, labels, window, offset).replace('state="', 'state=~"')
    all_ = office_seconds("up|down|unobserved", matchers, labels, window, offset).replace('state="', 'state=~"')
    return f"{seen} / ({all_} > 0)"
