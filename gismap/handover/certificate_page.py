"""A certificate on one A4 page, with a map; what it certifies is `certificate`'s business."""

from html import escape

from gismap.handover.certificate import Certificate
from gismap.handover.paper import Imprint, Markup, page, table
from gismap.handover.sketch import Drawn, sketch
from gismap.i18n import Language, say

SHOWN_EXCEPTIONS = 8
"""Exceptions that fit on the page; the file for machines lists more."""

MAP_PX = (680, 330)


def certificate_page(one: Certificate, imprint: Imprint, language: Language) -> str:
    """The page."""
    title = say("certificate.title", language)
    name = one.unit["name"] if one.unit else imprint.district
    head = say(
        "certificate.of", language, name=name, code=one.unit["code"] or "" if one.unit else "", number=one.revision,
        day=one.effective_from, author=one.author, reason=one.reason,
    )  # fmt: skip
    verdict = "certificate.holds" if one.holds else "certificate.fails"
    style = "good" if one.holds else "bad"
    drawn = [Drawn(shape, "grid", "" if one.children else label) for label, shape in one.shapes]
    drawn += [Drawn(shape, "outline", label) for label, shape in one.children]
    body = (
        f"<p>{escape(head)}</p>"
        f'<p class="{style}">{escape(say(verdict, language))}</p>'
        f"{sketch(drawn, *MAP_PX)}"
        f"<h2>{escape(say('certificate.checks', language))}</h2>{_checks(one, language)}"
        f"<h2>{escape(say('certificate.numbers', language))}</h2>{_numbers(one, language)}"
        f"{_exceptions(one, language)}"
        f"<h2>{escape(say('certificate.digest', language))}</h2>"
        f'<p class="digest">{one.found["digest"]}</p>'
        f'<p class="soft">{escape(say("certificate.recompute", language, number=one.revision))}</p>'
        f'<p class="sign">{"".join(f"<span>{escape(say(key, language))}</span>" for key in SIGNATURES)}</p>'
    )
    return page(title, body, imprint, language)


SIGNATURES = ("certificate.made_by", "certificate.checked_by", "certificate.seal")


def _checks(one: Certificate, language: Language) -> str:
    found = one.found
    things = found["buildings"] + found["places"]
    details = {
        "no_gap": ("certificate.pieces", {"count": found["gaps"], "area": f"{found['gap_m2']:,.2f}"}),
        "no_overlap": ("certificate.pieces", {"count": found["overlaps"], "area": f"{found['overlap_m2']:,.2f}"}),
        "no_other_defect": ("certificate.count", {"count": found["other_defects"]}),
        "fills_its_outline": ("certificate.astray", {"area": f"{found['outline_m2']:,.2f}"}),
        "digest_as_published": ("certificate.compared", {}),
        "everything_assigned_once": (
            "certificate.once", {"once": f"{found['assigned_once']:,}", "all": f"{things:,}",
                                 "exceptions": len(one.exceptions)},
        ),
    }  # fmt: skip
    rows = []
    for name, holds in one.checks.items():
        sign = Markup('<span class="good">✓</span>' if holds else '<span class="bad">✗</span>')
        key, values = details[name]
        rows.append((sign, say(f"certificate.{name}", language), say(key, language, **values)))
    return table((), rows)


def _numbers(one: Certificate, language: Language) -> str:
    names = ("units", "leaves", "buildings", "places", "households")
    stated, found = one.stated or {}, one.found
    headings = ["", *(say(f"certificate.{name}", language) for name in ("area", *names))]
    rows = [
        [
            say(key, language),
            f"{source['area_m2'] / 1e6:,.3f} km²" if "area_m2" in source else None,
            *(source.get(name) for name in names),
        ]
        for key, source in (("certificate.found", found), ("certificate.stated", stated))
    ]
    note = ""
    if found["buildings_of_unknown_households"]:
        count = found["buildings_of_unknown_households"]
        note = f'<p class="soft">{escape(say("certificate.unknown", language, count=f"{count:,}"))}</p>'
    return table(headings, rows, range(1, 7)) + note


def _exceptions(one: Certificate, language: Language) -> str:
    if not one.exceptions:
        return ""
    rows = [
        (
            thing["name"] or thing["element_id"],
            say(f"certificate.why.{thing['why']}", language),
            thing["grid"],
            thing["polygon"],
        )
        for thing in one.exceptions[:SHOWN_EXCEPTIONS]
    ]
    rest = len(one.exceptions) - len(rows)
    more = f'<p class="soft">{escape(say("certificate.more", language, count=rest))}</p>' if rest else ""
    headings = [say(f"certificate.{name}", language) for name in ("thing", "why", "grid", "polygon")]
    heading = escape(say("certificate.exceptions", language, count=len(one.exceptions)))
    return f"<h2>{heading}</h2>{table(headings, rows)}{more}"
