"""The console in Chromium: what an operator does, and what she sees when a worker or ClickHouse is killed under the open page."""

import pytest

from tests.browser import Browser
from tests.browser import browser as browser
from tests.console_live import Live

WIDE, PHONE = (1440, 900), (390, 844)


@pytest.fixture
def lead(browser: Browser, live: Live) -> Browser:
    """Signed in as the one who sees everything."""
    return signed_in(browser, live, "lead")


def signed_in(browser: Browser, live: Live, user: str) -> Browser:
    browser.url = live.url
    browser.size(*WIDE)
    browser.at("/static/icon.svg")
    browser.driver.delete_all_cookies()
    name, _, value = live.cookie(user).partition("=")
    browser.driver.add_cookie({"name": name, "value": value, "path": "/"})
    browser.problems()  # of earlier pages
    return browser


def test_claim_contact_and_resolve_come_back_through_the_stream(lead: Browser, live: Live) -> None:
    lead.at("/episodes?touchpoint=payment")
    live.unhappy("browser-1", "dealer-1", "Cleo Browser")  # while the page is open: it comes by itself
    row = "//tr[contains(., 'Cleo Browser')]"

    def press(words: str) -> bool:
        found = lead.driver.find_elements("xpath", f"{row}//button[normalize-space()='{words}']")
        if found:
            found[0].click()
        return bool(found)

    def says(words: str) -> bool:
        return words in " ".join(one.text for one in lead.driver.find_elements("xpath", row))

    for button, status in (("Claim", "claimed by lead"), ("Contacted", "contacted by lead")):
        lead.until(lambda words=button: press(words), f"the button {button}")
        lead.until(lambda words=status: says(words), f"the row says {status}")
    lead.driver.find_element("xpath", f"{row}//a[contains(@href, '/customers/')]").click()
    lead.until(lambda: "Terrible" in lead.text("#timeline"), "the customer's words in the timeline")
    assert lead.text("#timeline mark")
    assert "browser-1" not in lead.driver.current_url
    assert "Cleo" not in lead.driver.current_url
    assert lead.all("#levels svg .level")
    lead.until(lambda: "contacted" in lead.text("#timeline"), "the receipt in the timeline")
    assert lead.problems() == []


def test_every_page_in_both_languages_widths_and_themes(lead: Browser, live: Live) -> None:
    live.unhappy("browser-2", "dealer-2", "Dan Browser")
    for path in ("/now", "/episodes", "/touchpoints", "/gap", "/health", "/tasks"):
        for size, language, theme, words in ((WIDE, "en", "light", "Episodes"), (PHONE, "zh", "dark", "不满事件")):
            lead.driver.add_cookie({"name": "touchstone_language", "value": language, "path": "/"})
            lead.driver.add_cookie({"name": "touchstone_theme", "value": theme, "path": "/"})
            lead.size(*size)
            lead.at(path)
            lead.until(lambda: not lead.all('.panel[aria-busy="true"]'), f"{path} is loaded")
            assert words in lead.text("nav")
            overflow = lead.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert overflow <= 0, f"{path} at {size[0]} is wider than the screen"
            assert lead.problems() == [], path
    lead.size(1920, 1080)
    lead.driver.add_cookie({"name": "touchstone_language", "value": "en", "path": "/"})
    lead.at("/now?wall")
    lead.until(lambda: "call back" in lead.text("#ticker"), "what has just been told")
    assert lead.driver.execute_script("return getComputedStyle(document.documentElement).fontSize") == "20px"
    assert "Dan Browser" not in lead.text("main")  # whoever walks past reads it
    assert not [one for one in lead.all("form.receipt") if one.is_displayed()]
    assert lead.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth") <= 0
    lead.at("/now")
    lead.until(lambda: "Dan Browser" in lead.text("#ticker"), "the same for who sits in front of it")


def test_what_would_come_first_if_experience_were_another(lead: Browser, live: Live) -> None:
    live.unhappy("browser-8", "dealer-1", "Jim Browser")
    lead.at("/gap?by=touchpoint")
    lead.until(lambda: "payment" in lead.text("#gap tbody"), "what was measured at the payment")
    assert "First: payment" in lead.text("#gap .verdict")
    lead.all('#gap input[name="if.payment"]')[0].send_keys("10")
    lead.all("#gap .asking button")[0].click()
    lead.until(lambda: "Nothing falls short" in lead.text("#gap .would .verdict"), "the table as it would be")
    assert lead.driver.current_url.endswith("/gap?by=touchpoint&if.payment=10")  # a link to send on
    assert "retail.rounds.yaml" in lead.text("#rounds")
    assert lead.problems() == []


def test_the_gap_of_a_segment(lead: Browser, live: Live) -> None:
    for number, (score, tier, city) in enumerate(
        ((2.0, "gold", "Ulm"), (5.0, "silver", "Ulm"), (4.0, "silver", "Bonn"))
    ):
        live.scored(f"browser-9{number}", score, tier, city)

    def rows() -> dict[str, str]:
        return {row.get_attribute("data-row"): row.text for row in lead.all("#gap tbody tr")}

    stored = "SELECT (SELECT count() FROM experiences WHERE dimension = 'convenience' AND kind = 'csat') + (SELECT countIf(mapContains(segments, 'city')) FROM customers)"
    live.until(
        lambda: live.clickhouse.query(stored, live.product.settings.clickhouse_database)[0][0] >= 6, "what was said"
    )

    def offered(path: str) -> bool:
        """A page that is opened before the first figures has nothing to choose from yet."""
        lead.at(path)
        return bool(lead.all('select[name="segment"] option'))

    lead.at("/gap?by=segment&segment_by=city")
    lead.until(lambda: {"Bonn", "Ulm"} <= rows().keys(), "a row a city")
    lead.until(lambda: lead.all("#gap thead th")[0].text == "city", "what makes the segments")
    lead.at("/gap?by=segment,dimension")
    lead.until(lambda: {"gold/convenience", "silver/convenience"} <= rows().keys(), "rows by tier")
    lead.until(lambda: "First: gold · convenience" in lead.text("#gap .verdict"), "the gold ones first")
    for size, language, theme, found in ((WIDE, "en", "light", "not known"), (PHONE, "zh", "dark", "未知")):
        lead.driver.add_cookie({"name": "touchstone_language", "value": language, "path": "/"})
        lead.driver.add_cookie({"name": "touchstone_theme", "value": theme, "path": "/"})
        lead.size(*size)
        lead.until(lambda: offered("/gap?segment=silver"), "segments to choose from")
        lead.until(lambda: rows().keys() == {"convenience"}, "the two of silver")
        choices = [one.text for one in lead.all('select[name="segment"] option')]
        assert {"gold", "silver"} <= set(choices)
        assert choices[-1] == found
        assert [one.text for one in lead.all('select[name="segment"] option:checked')] == ["silver"]
        lead.until(lambda: "silver" in lead.text("#gap .head"), "what is shown")
        assert lead.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert lead.problems() == []


def test_the_keyboard_reaches_what_there_is_to_do(lead: Browser, live: Live) -> None:
    live.unhappy("browser-3", "dealer-1", "Eve Browser")
    lead.at("/tasks")
    lead.until(lambda: "Eve Browser" in lead.text("main"), "the task")
    reached = set()
    for _ in range(60):
        lead.driver.switch_to.active_element.send_keys("\ue004")  # Tab
        reached.add(lead.driver.switch_to.active_element.text)
    assert {"Skip to the content", "Episodes", "Claim", "Resolved"} <= {text.strip() for text in reached}


def test_what_one_cannot_do_is_not_offered(browser: Browser, live: Live) -> None:
    live.unhappy("browser-4", "dealer-1", "Fay Browser")
    eye = signed_in(browser, live, "eye")
    eye.at("/episodes")
    eye.until(lambda: "Fay Browser" in eye.text("main"), "the episode")
    assert not eye.all("form.receipt")
    assert "read only" in eye.text("header")


def test_clickhouse_is_killed_under_the_open_page(lead: Browser, live: Live) -> None:
    live.unhappy("browser-5", "dealer-1", "Gus Browser")
    lead.at("/episodes")
    lead.until(lambda: "Gus Browser" in lead.text("main"), "the episode")
    live.clickhouse.process.kill()
    lead.until(lambda: "ClickHouse does not answer" in lead.text("#state"), "the page says so")
    lead.until(lambda: "stale" in lead.text("#episodes .age"), "the panel turns stale")
    assert lead.all("#episodes.stale")
    assert "Gus Browser" in lead.text("main")  # what was known stays
    lead.at("/gap?by=journey&span=30d")
    lead.until(lambda: "Not read yet" in lead.text("#gap"), "what was never read says why")
    live.clickhouse.start()
    lead.until(lambda: "Where to act first" in lead.text("#gap"), "it comes by itself", 60)
    lead.at("/episodes")
    lead.until(lambda: not lead.text("#state") and not lead.all("#episodes.stale"), "it recovers by itself", 60)
    live.unhappy("browser-6", "dealer-1", "Hal Browser")
    lead.until(lambda: "Hal Browser" in lead.text("main"), "news after the recovery", 60)


def test_a_worker_is_killed_under_the_open_page(lead: Browser, live: Live) -> None:
    lead.at("/now")
    lead.until(lambda: "worker 0" in lead.text("#behind"), "nothing waits", 60)
    live.worker.kill()
    live.unhappy("browser-7", "dealer-1", "Ida Browser")
    lead.until(lambda: "worker 0" not in lead.text("#behind"), "the page shows what waits", 60)
    live.product.expel()
    lead.until(lambda: "no worker is running" in lead.text("#behind"), "the page says why", 60)
    live.worker = live.product.start("worker")
    lead.until(lambda: "no worker is running" not in lead.text("#behind"), "one is", 60)
    lead.until(lambda: "Ida Browser" in lead.text("#ticker"), "the action, once a worker is back", 90)
    lead.until(lambda: "worker 0" in lead.text("#behind"), "nothing waits any more", 60)
