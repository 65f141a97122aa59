"""Words in both languages. A dashboard is written once; `spoken` makes it Indonesian or English."""

LANGUAGES = ("id", "en")


class Text:
    """A text for people, in Indonesian and English."""

    def __init__(self, indonesian, english):
        self.id, self.en = indonesian, english

    def on_one_line(self):
        """The same with spaces at which no browser breaks the line."""
        return Text(*(text.replace(" ", "\N{NO-BREAK SPACE}") for text in (self.id, self.en)))


class Uid:
    """The uid of a dashboard of ours, as the whole of a string or inside a link (`{}`)."""

    def __init__(self, name, inside="{}"):
        self.name, self.inside = name, inside

    def of(self, language):
        return self.inside.format(self.name if language == "id" else f"{self.name}-en")


def spoken(value, language):
    """The same structure with every text in one language."""
    if isinstance(value, Text):
        return getattr(value, language)
    if isinstance(value, Uid):
        return value.of(language)
    if isinstance(value, dict):
        return {spoken(key, language): spoken(inner, language) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [spoken(inner, language) for inner in value]
    return value


# What the words mean is in the table of DESIGN's words: docs/words.md.
OFFICE = Text("Kantor", "Office")
OFFICES = Text("Kantor", "Offices")
ISLAND = Text("Pulau", "Island")
VILLAGE = Text("Desa", "Village")
REGENCY = Text("Kabupaten/Kota", "Regency")
PROVIDER = Text("Penyedia", "Provider")
STATE = Text("Keadaan", "State")
STANDING = Text("Kelas akses", "Standing")
CAUSE = Text("Penyebab", "Cause")
AVAILABILITY = Text("Ketersediaan", "Availability")
OBSERVED = Text("Keterpantauan", "Observed")
WORST_CASE = Text("Terburuk", "Worst case")
AGENT = Text("Agen", "Agent")
LAST_HEARD = Text("Terakhir terdengar", "Last heard")
