"""The page that people label on: its template, and the guidelines of the task that it shows."""

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from shared.domain import LoopError
from shared.settings import Settings

HERE = Path(__file__).parent


def add_page(app: FastAPI, settings: Settings) -> None:
    """Serve the page at / and its files below /static. LoopError where the guidelines cannot be read."""
    templates = Jinja2Templates(directory=HERE / "templates")
    shown = {"name": settings.name, "guidelines": guidelines(settings)}
    app.mount("/static", StaticFiles(directory=HERE / "static"))

    @app.get("/", include_in_schema=False, response_class=HTMLResponse)
    def page(request: Request) -> Response:
        return templates.TemplateResponse(request, "page.html", shown)


def guidelines(settings: Settings) -> str:
    """labels.guidelines, or the task's own. Blank lines part paragraphs; "# " begins a heading, "- " an item."""
    file = settings.labels.guidelines or HERE / "guidelines" / f"{settings.task.name}.txt"
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LoopError(f"labels.guidelines {file}: {error}; name a text file in UTF-8 that can be read") from None
