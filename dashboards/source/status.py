"""States, standings and causes as numbers, with a sign, a word and a colour each.

Never by colour alone: every status has a sign and a word. The colours are those of Okabe and Ito (2008),
which people with any colour blindness can tell apart; blue stands for good, not green.
"""

from text import Text

BLUE, SKY, ORANGE, VERMILION, PURPLE, YELLOW, TEAL = (
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#D55E00",
    "#CC79A7",
    "#F0E442",
    "#009E73",
)
GREY, LIGHT = "#8e8e8e", "#c7c7c7"

# number: (label of the metric, word, colour)
STATES = {
    0: ("up", Text("● Tersambung", "● Up"), BLUE),
    1: ("down", Text("■ Terputus", "■ Down"), VERMILION),
    2: ("silent", Text("… Diam", "… Silent"), GREY),
    3: ("never_heard", Text("○ Belum pernah terdengar", "○ Never heard"), LIGHT),
}
STANDINGS = {
    0: (None, Text("○ Belum dapat dinilai", "○ Not assessable"), GREY),
    1: ("reliable", Text("● Andal", "● Reliable"), BLUE),
    2: ("limited", Text("▲ Terbatas", "▲ Limited"), ORANGE),
    3: ("unreliable", Text("■ Tidak andal", "■ Unreliable"), VERMILION),
}
CAUSES = {
    2: ("no_network", Text("■ Tanpa jaringan: kabel, Wi-Fi", "■ No network: cable, Wi-Fi"), PURPLE),
    3: ("gateway", Text("■ Router kantor", "■ Office router"), ORANGE),
    4: ("internet", Text("■ Internet", "■ Internet"), VERMILION),
    5: ("dns", Text("■ DNS", "■ DNS"), YELLOW),
    6: ("captive_portal", Text("■ Portal atau kuota habis", "■ Portal or quota used up"), SKY),
}
YES_NO = {0: (None, Text("tidak", "no"), GREY), 1: (None, Text("▲ ya", "▲ yes"), ORANGE)}


def mappings(kinds):
    """Value mappings of a field that holds the numbers."""
    options = {
        str(number): {"text": word, "color": colour, "index": at} for at, (number, (_, word, colour)) in enumerate(kinds.items())
    }
    return [{"type": "value", "options": options}]


def word_mappings(kinds):
    """Value mappings of a field that holds the labels themselves, e.g. `internet`."""
    named = [(label, word, colour) for label, word, colour in kinds.values() if label]
    options = {label: {"text": word, "color": colour, "index": at} for at, (label, word, colour) in enumerate(named)}
    return [{"type": "value", "options": options}]


def steps(*pairs):
    """Thresholds: colour of everything, then (from, colour)."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in pairs]}
