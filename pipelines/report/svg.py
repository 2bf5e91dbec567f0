"""SVG: turns what the chart engine writes into markup fit for an HTML5 page.

Lives here: stripping name spaces and invisible furniture, page-unique ids, native tooltips, shorter numbers.
Stays out: what is drawn (`charts_*`) and how it is coloured (`theme`, the style sheet).
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

_DROPPED = frozenset(
    {"aria-roledescription", "aria-hidden", "role", "aria-label", "class", "font-family", "stroke-miterlimit"}
)
_NUMERIC = frozenset({"d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy", "r"})
_LONG_FRACTION = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?|-?\d+(?:\.\d+)?e-\d+")
_REFERENCE = re.compile(r"url\(['\"]?#([^'\")]+)['\"]?\)")
LARGEST = 1.2
_NOTHING = "M0,0h0v0h0Z"


def clean(raw: str, prefix: str, description: str, least: float = 0.0) -> str:
    """Return `raw` as an inline `<svg>` without addresses, with tooltips as `<title>` and ids starting with `prefix`.

    Marks that carry an `aria-label` keep it as a tooltip; the drawing as a whole is one image described by
    `description`. It is shown at most a fifth larger than drawn and never below `least` of it, so that its text keeps
    the size of the text around it. Raises ValueError when the drawing refers to anything outside itself.
    """
    root = ElementTree.fromstring(raw)
    _strip(root)
    _prune(root)
    _rename_ids(root, prefix)
    size = {name: root.attrib.pop(name) for name in ("width", "height") if name in root.attrib}
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {size['width']} {size['height']}", "role": "img"})
    root.set("aria-label", description)
    smallest = f";min-width:{round(float(size['width']) * least)}px" if least else ""
    root.set("style", f"max-width:{round(float(size['width']) * LARGEST)}px{smallest}")
    return ElementTree.tostring(root, encoding="unicode")


def _strip(root: ElementTree.Element) -> None:
    """Drop name spaces and attributes without use here; labels of marks become tooltips."""
    for element in list(root.iter()):
        element.tag = element.tag.rpartition("}")[2]
        attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
        if "href" in attributes or element.tag in ("image", "script", "foreignObject", "style"):
            raise ValueError(f"a drawing must not hold <{element.tag}> or links")
        label = attributes.get("aria-label")
        is_mark = attributes.get("role") == "graphics-symbol" and "mark-" not in attributes.get("class", "")
        element.attrib.clear()
        for key, value in attributes.items():
            if key not in _DROPPED and (key, value) != ("opacity", "1"):
                element.set(key, _shorter(value) if key in _NUMERIC else value)
        if label and is_mark:
            title = ElementTree.Element("title")
            title.text = label
            element.insert(0, title)


def _shorter(value: str) -> str:
    return _LONG_FRACTION.sub(lambda found: f"{round(float(found.group()), 2):g}", value)


def _prune(element: ElementTree.Element) -> None:
    """Remove invisible paths and empty groups, and unwrap groups that say nothing."""
    kept: list[ElementTree.Element] = []
    for child in list(element):
        _prune(child)
        hidden = child.get("display") == "none" or (child.tag == "path" and child.get("d") in ("", _NOTHING))
        empty = child.tag == "g" and len(child) == 0
        if hidden or empty:
            continue
        said = [key for key in child.attrib if key != "pointer-events"]
        nowhere = said == ["transform"] and child.get("transform") == "translate(0,0)"
        if child.tag == "g" and (not child.attrib or nowhere):
            kept.extend(child)
        else:
            kept.append(child)
    for child in list(element):
        element.remove(child)
    element.extend(kept)


def _rename_ids(root: ElementTree.Element, prefix: str) -> None:
    """Number ids in the order met, so that a page never has one twice and equal drawings are equal text."""
    names: dict[str, str] = {}
    for element in root.iter():
        if "id" in element.attrib:
            names[element.attrib["id"]] = f"{prefix}-{len(names) + 1}"
            element.set("id", names[element.attrib["id"]])
    for element in root.iter():
        for key, value in element.attrib.items():
            if "url(" in value:
                element.set(key, _REFERENCE.sub(lambda found: f"url(#{names[found.group(1)]})", value))
