"""The page as a whole: names for screen readers, contrast, a phone of 360 pixels, keys."""

import re

TABS = ("tour", "trade", "draw", "estimators", "breakout")
NAMELESS = """() => [...document.querySelectorAll("button, input, select, svg[role], canvas")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.ariaLabel || one.labels?.length || one.innerText?.trim()
    || one.closest("button")?.ariaLabel))
  .map((one) => one.outerHTML.slice(0, 90))"""
SMALL = """() => [...document.querySelectorAll("button, select, [type=range], [type=radio]")]
  .filter((one) => one.checkVisibility())
  .map((one) => [one.id || one.innerText, one.getBoundingClientRect()])
  .filter(([, box]) => box.height < 22 || box.width < 22).map(([name]) => name)"""
COLOURS = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  const colour = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  return Object.fromEntries(["paper", "panel", "ink", "soft", "accent", "on-accent", "vermillion",
    "blue", "green", "orange", "purple", "dot", "land", "sea"].map((name) => [name, colour(name)]));
}"""


def luminance(colour):
    """Relative luminance of WCAG 2."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_a_phone_of_360_pixels_and_names_for_all(visit):
    page = visit("tour")
    page.set_viewport_size({"width": 360, "height": 740})
    for tab in TABS:
        page.click(f"#tab-{tab}")
        page.wait_for_selector(f"body[data-ready={tab}]")
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, tab
        assert page.evaluate(NAMELESS) == []
        assert page.evaluate(SMALL) == []
        assert page.locator("h1:visible").count() == 1
    page.click("#tab-tour")
    page.click("#plan")
    page.wait_for_selector("tr[data-method=exact]")
    assert (
        page.evaluate("document.querySelector('#results').getBoundingClientRect().right")
        <= 360 - 16
    )
    ids = page.eval_on_selector_all("[id]", "all => all.map((one) => one.id)")
    assert len(ids) == len(set(ids))
    page.focus("#tab-breakout")
    page.keyboard.press("ArrowRight")  # from the last tab to the first
    page.wait_for_selector("body[data-ready=tour]")
    assert page.evaluate("document.activeElement.id") == "tab-tour"
    assert page.is_visible("#map") and page.title() == "Tour · Hringur"


def test_contrast_in_light_and_dark(visit):
    page = visit("breakout")
    for theme in ("light", "dark"):
        if theme == "dark":
            page.click("#theme")
        colours = page.evaluate(COLOURS)
        for text in ("ink", "soft", "accent"):
            for ground in ("paper", "panel"):
                assert contrast(colours[text], colours[ground]) >= 4.5, (theme, text, ground)
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5, theme
        for mark in ("vermillion", "blue", "green", "purple"):
            assert contrast(colours[mark], colours["panel"]) >= 2.9, (theme, mark)
        assert min(contrast(colours["dot"], colours[on]) for on in ("land", "sea")) >= 3, theme


def test_every_control_is_reached_by_the_tab_key(visit):
    page = visit("trade")
    seen = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.id"))
    assert {"tab-trade", "theme", "buy", "wait", "hint", "prices", "more"} <= seen
    assert not {"tab-tour", "tab-draw"} & seen  # arrows go there
