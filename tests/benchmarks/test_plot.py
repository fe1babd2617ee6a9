from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks import plot
from benchmarks.plot import Bar, Panel, Point, bars, panels
from benchmarks.suite import scale

SVG = "{http://www.w3.org/2000/svg}"


def _texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own


def test_bars_are_as_long_as_their_values() -> None:
    svg = bars("Sides & others", "calls/s", [Bar("ours <fast>", 5200, True), Bar("peer", 1300, False)])
    rects = list(ET.fromstring(svg).iter(f"{SVG}rect"))  # noqa: S314
    ours, peer = (float(rect.get("width", "0")) for rect in rects)
    assert ours == pytest.approx(4 * peer, abs=0.2)
    assert [rect.get("class") for rect in rects] == ["ours", "peer"]
    assert {"Sides & others", "ours <fast>", "5,200", "1,300", "calls/s", "0", "6,000"} <= set(_texts(svg))


def test_points_stand_where_their_values_are() -> None:
    svg = panels("Growth", [Panel("MB", ".0f", [Point("small", 50), Point("large", 100)], 200, "at most")])
    dots = [float(dot.get("cy", "0")) for dot in ET.fromstring(svg).iter(f"{SVG}circle")]  # noqa: S314
    bound = next(line for line in ET.fromstring(svg).iter(f"{SVG}line") if line.get("class") == "bound")  # noqa: S314
    assert dots[0] - dots[1] == pytest.approx((dots[1] - float(bound.get("y1", "0"))) / 2, abs=0.2)
    assert {"Growth", "MB", "small", "large", "50", "100", "at most"} <= set(_texts(svg))


def test_what_a_key_may_cost_is_bound_by_the_cheapest_size() -> None:
    points = [Point(scale.SMALL, 30.0), Point(scale.LARGE, 24.0), Point(scale.LARGEST, 20.0)]
    assert scale.cost_panel(points).bound == pytest.approx(22.0)


def test_readers_of_either_mode_can_read_it() -> None:
    assert "prefers-color-scheme: dark" in plot.STYLE
    svg = bars("x", "y", [Bar("a", 1, True)])
    classes = {element.get("class") for element in ET.fromstring(svg).iter()} - {None, ""}  # noqa: S314
    light, dark = plot.STYLE.split("@media")
    for name in classes - {"title"}:
        assert f".{name} {{" in light
        assert f".{name} {{" in dark


@pytest.mark.parametrize(("value", "rounded"), [(0, 1), (0.07, 0.08), (1, 1), (5200, 6000), (210, 240), (99, 100)])
def test_axes_end_at_easy_numbers(value: float, rounded: float) -> None:
    assert plot.round_up(value) == pytest.approx(rounded)
