"""Signing in and out: by key, by link, and again, with nothing of what was said lost."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from shared.domain import Role
from shared.settings import Settings, WebSettings
from shared.store import accounts, sign_ins
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with
from tests.services.labeling.pages import QUERIES, expect_labels, shown, visit
from tests.services.labeling.rows import add_queries, chosen
from tests.web import needs_chromium

pytestmark = needs_chromium
STORED = "JSON.stringify({...sessionStorage, ...localStorage}) + document.cookie"


def test_the_key_leaves_the_address_and_becomes_a_cookie(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling)
    question = shown(page)
    assert page.url == f"{labeling.url}/"
    assert page.evaluate(STORED) == "{}"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert labeling.ada not in cookie["value"]
    page.reload()
    assert shown(page) == question


def test_an_invitation_works_once(new_page: Callable[[], Page], labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    link = f"{labeling.url}/#invite={sign_ins.invite(db, 'eve', Role.LABELER)}"
    one, two = new_page(), new_page()
    one.goto(link)
    shown(one)
    assert one.url == f"{labeling.url}/"
    two.goto(link)
    expect(two.locator("#wrong")).to_contain_text("invitation is not known, was used")
    assert two.url == f"{labeling.url}/"


def test_a_key_that_is_not_known(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling, "wrong")
    for wrong in ("wrong again", "clé"):
        expect(page.locator("#wrong")).to_contain_text("this key is not known")
        expect(page.get_by_label("Your key")).to_be_focused()
        page.get_by_label("Your key").fill(wrong)
        page.keyboard.press("Enter")
        expect(page.get_by_label("Your key")).to_have_value("")
    page.get_by_label("Your key").fill(f" {labeling.ada} ")
    page.get_by_role("button", name="Start labeling").click()
    shown(page)
    assert page.url == f"{labeling.url}/"


def test_too_many_tries_have_to_wait(page: Page, db: Database) -> None:
    settings = Settings(name="test", web=WebSettings(sign_ins_per_minute=1))
    with labeling_with(settings, db) as labeling:
        visit(page, labeling, "wrong")
        expect(page.locator("#wrong")).to_contain_text("not known")
        page.get_by_label("Your key").fill("wrong again")
        page.keyboard.press("Enter")
        expect(page.locator("#wrong")).to_contain_text("Too many tries: wait for")


def test_signing_out_ends_the_session(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    page.goto(labeling.url)
    page.get_by_label("Your key").fill(labeling.ada)
    page.keyboard.press("Enter")
    shown(page)
    page.keyboard.press("c")
    page.keyboard.type("half a thought")
    (cookie,) = page.context.cookies()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your key")).to_be_focused()
    page.reload()
    expect(page.get_by_label("Your key")).to_be_focused()
    assert page.evaluate(STORED) == "{}"
    page.context.add_cookies([{"name": cookie["name"], "value": cookie["value"], "url": labeling.url}])
    page.reload()
    expect(page.get_by_label("Your key")).to_be_focused()


def test_a_key_revoked_meanwhile_does_not_lose_the_answer(page: Page, labeling: Labeling, db: Database) -> None:
    """Nor does somebody else, who signs in before, send it: it waits for who gave it."""
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, responses = shown(page)
    accounts.revoke(db, "ada")
    page.keyboard.press("1")
    expect(page.locator("#trouble")).to_contain_text("Your last answer is kept")
    page.get_by_label("Your key").fill(labeling.grace)
    page.keyboard.press("Enter")
    shown(page, after=query)
    expect_labels(page, 0)
    assert chosen(db) == {}
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Your key").fill(accounts.add_key(db, "ada"))
    page.keyboard.press("Enter")
    expect_labels(page, 1)
    assert chosen(db) == {query: [responses[0]]}


def test_another_person_in_another_tab_is_noticed(page: Page, labeling: Labeling, db: Database) -> None:
    """Two tabs are one browser's session: the first goes over to its new person, with a question of theirs."""
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, _ = shown(page)
    other = page.context.new_page()
    visit(other, labeling, labeling.grace)
    theirs, _ = shown(other)
    assert theirs != query
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Your answer was not taken")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#query")).to_have_text(theirs)
    assert chosen(db) == {}


def test_another_link_in_the_same_tab_signs_in_anew(page: Page, labeling: Labeling, db: Database) -> None:
    add_queries(db, QUERIES)
    visit(page, labeling)
    query, _ = shown(page)
    visit(page, labeling, labeling.grace)
    shown(page, after=query)
    assert page.url == f"{labeling.url}/"
