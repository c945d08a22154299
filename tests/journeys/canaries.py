"""Words that nothing else contains, planted where secrets and personal data belong, and looked for wherever they must
not be."""

from __future__ import annotations

import json
import urllib.parse
import uuid
from dataclasses import dataclass, field

from ..deployed.faulty import Faulty
from .deal import Deal
from .erp import tax_registration

Texts = dict[str, str]


def mark() -> str:
    """A word that nothing else contains: letters alone, so that no rule about digits or addresses removes it."""
    return "zq" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex[:14])


@dataclass
class Planted:
    """What was planted, by what it is, and the texts of everything that it passed through."""

    canaries: Texts = field(default_factory=dict)
    passed: list[str] = field(default_factory=list)
    deal: Deal | None = None
    faulty: dict[str, Faulty] = field(default_factory=dict)

    def word(self, what: str, text: str = "{}") -> str:
        """Plant a canary, alone or within a text that its place demands."""
        word = mark()
        self.canaries[what] = word
        return text.format(word)

    def whole(self, what: str, text: str) -> str:
        """Plant a text that can't be a word."""
        self.canaries[what] = text
        return text


def forms(text: str) -> set[str]:
    """A text as it may be written: as it is, in JSON, in an address."""
    written_as = (text, json.dumps(text)[1:-1], urllib.parse.quote(text), urllib.parse.quote_plus(text))
    return {form.lower() for form in written_as}


def found(canaries: Texts, lines: list[str]) -> dict[str, list[str]]:
    """The lines that contain a canary, by what it is."""
    hits: dict[str, list[str]] = {}
    for what, text in canaries.items():
        spelt = forms(text)
        if seen := [line for line in lines if any(form in line.lower() for form in spelt)]:
            hits[what] = seen[:3]
    return hits


def company(planted: Planted, what: str) -> Texts:
    """A customer, all of it canaries."""
    number = uuid.uuid4().int
    domain = mark()
    return {
        "name": planted.word(f"name of {what}", "{} Inc"), "domain": f"{domain}.example",
        "address": planted.word(f"street of {what}", "1 {} Road"), "city": planted.word(f"city of {what}"),
        "zip": "97477", "country": "US",
        "q2c_tax_id": planted.whole(f"tax registration of {what}", tax_registration(number)),
        "q2c_billing_email": planted.word(f"mailbox of {what}", f"{{}}@{domain}.example"),
    }
