"""The page of the API, in a real browser: all of the document, nothing from elsewhere, and requests
sent from it."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.openapi import api
from tests.stack.collected import CollectedStack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium: on Debian and Ubuntu apt install chromium"
)


class Browsed:
    """A page, and everything it asked for or complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture(params=[(1280, 900, "light"), (390, 800, "dark")], ids=["desk", "phone"])
def browsed(request: pytest.FixtureRequest, stack: CollectedStack) -> Iterator[Browsed]:
    """The page, read by a browser of a desk's or a telephone's size."""
    width, height, scheme = request.param
    quiet = ["--no-sandbox", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet)
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        found = Browsed(page)
        page.goto(f"{stack.url}/docs")
        page.wait_for_selector("details.operation")
        yield found
        browser.close()


def test_every_operation_of_the_document_is_on_the_page(browsed: Browsed) -> None:
    shown = browsed.page.eval_on_selector_all(
        "details.operation", "all => all.map(one => [one.id, one.querySelector('.path').innerText])"
    )

    assert sorted(map(tuple, shown)) == sorted(
        (item["get"]["operationId"], path) for path, item in api()["paths"].items()
    )


def test_everything_opens_without_a_complaint_and_fits_the_width(browsed: Browsed) -> None:
    page = browsed.page
    for summary in page.query_selector_all("details.operation > summary"):
        summary.click()
    page.wait_for_selector("details:last-of-type .statuses")

    opened = page.eval_on_selector_all("details.operation .inside", "all => all.length")
    assert opened == len(api()["paths"])
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    assert browsed.complaints == []


def test_nothing_comes_from_elsewhere(browsed: Browsed, stack: CollectedStack) -> None:
    assert browsed.asked == [f"{stack.url}/docs", f"{stack.url}/openapi.json"]


def test_a_request_sent_from_the_page_shows_its_answer(
    browsed: Browsed, stack: CollectedStack
) -> None:
    page = browsed.page
    page.click("#listVpses > summary")
    page.fill("#token", stack.token)
    page.fill("#listVpses [name=limit]", "1")
    page.click("#listVpses button")
    page.wait_for_selector("#listVpses .status")

    assert page.inner_text("#listVpses .status") == "200 OK"
    shown = page.inner_text("#listVpses .output")
    assert f"curl -s -H \"Authorization: Bearer $TOKEN\" '{stack.url}/api/v2/vps?limit=1'" in shown
    assert '"hasMore": true' in shown
    assert stack.token not in shown


def test_lists_and_paths_are_filled_in_from_the_fields(
    browsed: Browsed, stack: CollectedStack
) -> None:
    page = browsed.page
    page.click("#getServiceMetrics > summary")
    page.fill("#token", stack.token)
    page.fill("#getServiceMetrics [name=projectId]", "shop")
    page.fill("#getServiceMetrics [name=serviceId]", "api")
    page.fill("#getServiceMetrics [name=metricTypes]", "cpu\nmemory")
    page.click("#getServiceMetrics button")
    page.wait_for_selector("#getServiceMetrics .status")

    path = "/v1/projects/shop/services/api/metrics?metricTypes=cpu&metricTypes=memory"
    assert f"{stack.url}{path}" in page.inner_text("#getServiceMetrics .output")
    assert page.inner_text("#getServiceMetrics .status") == "200 OK"


def test_a_refusal_is_shown_as_one(browsed: Browsed) -> None:
    page = browsed.page
    page.click("#listMetrics > summary")
    page.click("#listMetrics button")
    page.wait_for_selector("#listMetrics .status.bad")

    assert page.inner_text("#listMetrics .status").startswith("401")
    assert "Send Authorization: Bearer" in page.inner_text("#listMetrics .output")


def test_a_link_opens_its_operation(browsed: Browsed, stack: CollectedStack) -> None:
    browsed.page.goto(f"{stack.url}/docs#listCoverage")

    browsed.page.wait_for_selector("#listCoverage form")


def test_the_filter_leaves_what_fits(browsed: Browsed) -> None:
    browsed.page.fill("#filter", "addon")

    shown = browsed.page.eval_on_selector_all(
        "details.operation:not([hidden]) .path", "all => all.map(one => one.innerText)"
    )
    assert shown
    assert all("addons" in path for path in shown)
