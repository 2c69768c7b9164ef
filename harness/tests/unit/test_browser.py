# SPDX-License-Identifier: MIT
"""The report in a real browser: hovering, dark, a phone, paper, no network, no script."""

import base64
import re

import pytest

import browser
import sample_run
from dunelab import report
from dunelab import plan as kv
from dunelab.jitter import plan as jitter
from dunelab.spin import plan as spin
from dunelab.webpage import palette


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of a complete run."""
    return report.make(sample_run.build(tmp_path_factory.mktemp("run"), sample_run.plan()).path)


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """One browser for all of them: to start it takes longer than most tests."""
    with browser.opened(tmp_path_factory.mktemp("profile")) as made_driver:
        yield made_driver


@pytest.fixture
def opened(driver, made):
    """opened(width=, dark=, script=, medium=): the driver showing the report."""
    def show(**how):
        browser.show(driver, made.index.as_uri(), **how)
        return driver
    return show


def figure(driver, made, section):
    """(Figure, its element, its svg) of the first of a section, scrolled to."""
    from selenium.webdriver.common.by import By
    chosen = next(item for item in made.figures.all if item.section == section)
    element = driver.find_element(By.ID, chosen.name)
    driver.execute_script("arguments[0].scrollIntoView()", element)
    return chosen, element, element.find_element(By.CSS_SELECTOR, "svg[data-hover]")


def values(element):
    """What the box of values says, "" while it is hidden."""
    from selenium.webdriver.common.by import By
    return element.find_element(By.CLASS_NAME, "values").text


def test_pointing_at_a_curve_shows_its_values(opened, made):
    from selenium.webdriver import ActionChains, Keys
    driver = opened()
    for section in ("spectrum", "ccdf", "load", "series", "warmup"):
        chosen, element, svg = figure(driver, made, section)
        assert values(element) == ""
        ActionChains(driver).move_to_element(svg).perform()
        said = values(element)
        if section != "load":       # there the systems' points lie apart
            assert all(name in said for name in chosen.series), (section, said)
        # What is said is in the data.
        name, number = re.search(r"^(\S+) ([\d.,]+)", said.split("\n")[1]).groups()
        number = float(number.replace(",", ""))
        assert any(row[0] == name and row[2] == pytest.approx(number, rel=1e-5)
                   for row in chosen.rows)
    chosen, element, svg = figure(driver, made, "heat")
    svg.send_keys(Keys.ARROW_RIGHT)
    assert "requests" in values(element)
    svg.send_keys(Keys.ESCAPE)
    assert values(element) == ""
    assert browser.complaints(driver) == []


def test_nothing_is_asked_of_the_network(opened, made):
    driver = opened()
    assert browser.requests(driver) == [made.index.as_uri()]
    # Nor could it: the page's own policy refuses.
    driver.execute_script("new Image().src = 'http://127.0.0.1:9/x.png'")
    driver.execute_async_script("setTimeout(arguments[0], 200)")
    assert any("Content Security Policy" in text for text in browser.complaints(driver))


@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_on_the_readers_paper(opened, dark):
    driver = opened(dark=dark)
    colours = driver.execute_script(
        "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
    wanted = [palette.INK[name][dark] for name in ("paper", "ink")]
    assert [_hex(colour) for colour in colours] == wanted


def _hex(colour):
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", colour)[:3])


@pytest.mark.parametrize("width", [380, 1280])
def test_the_page_does_not_scroll_sideways(opened, width):
    driver = opened(width=width)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    # Nor is anything cut off: what is wider than the screen scrolls within itself.
    out = driver.execute_script("""
        return [...document.querySelectorAll("body *")].filter(element =>
            !element.closest(".scroll") && element.getBoundingClientRect().right > innerWidth + 1)
            .map(element => element.tagName + "." + element.className)""")
    assert out == []


def test_letters_in_figures_can_be_read_on_a_phone(opened, made):
    driver = opened(width=380)
    for section in ("spectrum", "heat"):
        _, _, svg = figure(driver, made, section)
        heights = driver.execute_script("""
            const svg = arguments[0], scale = svg.getBoundingClientRect().width /
                svg.viewBox.baseVal.width;
            return [...svg.querySelectorAll("text")].map(text =>
                parseFloat(getComputedStyle(text).fontSize) * scale)""", svg)
        assert min(heights) >= 8.5


def test_without_scripts_everything_can_be_read(opened, made):
    from selenium.webdriver.common.by import By
    driver = opened(script=False)
    text = driver.find_element(By.TAG_NAME, "body").text
    for words in ("beside linux", "not hardware time", "Percentile spectra", "How to reproduce",
                  "Load within the objective", "req/vs"):
        assert words in text
    first = made.figures.all[0]
    element = driver.find_element(By.ID, first.name)
    element.find_element(By.TAG_NAME, "summary").click()
    assert "one in" in element.find_element(By.TAG_NAME, "table").text
    assert element.find_element(By.CSS_SELECTOR, "svg[data-hover]").size["height"] > 100
    assert browser.complaints(driver) == []


def test_it_prints_on_white_paper(opened):
    driver = opened(dark=True, medium="print")
    colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert _hex(colour) == palette.INK["paper"][0]
    assert driver.execute_script(
        "return getComputedStyle(document.querySelector('nav')).display") == "none"
    paper = base64.b64decode(driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 40


def test_every_colour_stands_out_on_both_papers():
    for item in palette.STYLES.values():
        for dark, colour in enumerate((item.light, item.dark)):
            # A graphical object wants 3, text 4.5.
            assert palette.contrast(colour, palette.INK["paper"][dark]) >= 4.5, item.key
    for dark in (0, 1):
        paper = palette.INK["paper"][dark]
        for name in ("ink", "soft", "good", "bad", "slo"):
            assert palette.contrast(palette.INK[name][dark], paper) >= 4.5, name
        assert palette.contrast(palette.INK["warn-ink"][dark], palette.INK["warn"][dark]) >= 4.5
        levels = [palette.contrast(pair[dark], paper) for pair in palette.HEAT]
        assert levels == sorted(levels) and levels[0] > 1.15
    shown = [palette.STYLES[name] for name in ("linux", "memcached", "linux-tuned", "dune",
                                               "dune-tuned", "rt", "rt-tuned", "dune-rt")]
    # Of systems that stand beside each other none is mistaken for another.
    for names in (kv.DEFAULT_SYSTEMS, kv.GROUPS["ring"], jitter.SYSTEMS, spin.SYSTEMS):
        marks = [(style.light, style.mark) for style in map(palette.STYLES.get, names)]
        assert len(set(marks)) == len(marks), names
    assert len({item.dash for item in shown}) == len({item.light for item in shown}) == len(shown)
