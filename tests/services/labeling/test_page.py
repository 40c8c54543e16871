"""The page as it is served: nothing inline, nothing foreign, nothing unescaped."""

import httpx

from shared.settings import Settings
from shared.store.database import Database
from tests.services.labeling.conftest import Labeling, labeling_with


def test_the_page_has_nothing_inline_and_nothing_foreign(labeling: Labeling) -> None:
    page = httpx.get(labeling.url).text
    assert "<style" not in page
    assert "style=" not in page
    assert "//" not in page.replace("<!doctype", "")
    assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=') == 1


def test_the_loops_name_is_escaped(db: Database) -> None:
    with labeling_with(Settings(name='"><script>alert(1)</script>'), db) as labeling:
        assert "<script>alert" not in httpx.get(labeling.url).text
