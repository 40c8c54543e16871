"""Each in a process of its own: logging is the process's."""

import json
import re
import subprocess
import sys

import pytest

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "


def said(code: str, *, level: str = "info") -> list[str]:
    """The lines on stderr, whatever may end a line."""
    setup = f"import logging; from shared.telemetry import configure; configure('ppo', {level!r})\n"
    command = [sys.executable, "-c", setup + "log = logging.getLogger('services.ppo.worker')\n" + code]
    out = subprocess.run(command, check=True, capture_output=True, env={"TZ": "Asia/Tokyo", "PYTHONUTF8": "1"})
    assert out.stdout == b""
    return out.stderr.decode().splitlines()


def test_a_record_is_one_line_in_utc() -> None:
    code = "import time; print(time.strftime('%Y-%m-%dT%H', time.gmtime()), file=__import__('sys').stderr)\n"
    now, line = said(code + "log.info('policy %d published', 3)")
    assert re.fullmatch(LINE + "INFO    ppo services.ppo.worker: policy 3 published", line)
    assert line.startswith(now) or line[14:16] == "00", "the hour may have ended in between"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"])
def test_a_text_cannot_end_its_line(end: str) -> None:
    (line,) = said(f"log.info('text: %s', {'a' + end + '2026-01-01T00:00:00.000Z INFO ppo x: forged'!r})")
    assert re.match(LINE + r"INFO    ppo services\.ppo\.worker: text: a\\", line)


@pytest.mark.parametrize(
    ("text", "shown"), [("\x1b[2K\a", r"\x1b[2K\x07"), ("\u202egnp", r"\u202egnp"), ("π ♥", "π ♥")]
)
def test_what_does_not_print_is_escaped(text: str, shown: str) -> None:
    (line,) = said(f"log.warning({text!r})")
    assert line.endswith("worker: " + shown)


def test_a_traceback_keeps_its_lines_but_none_looks_like_a_record() -> None:
    code = "try: raise ValueError('bad\\n2026-01-01T00:00:00.000Z INFO ppo x: forged\\x1b[2K')\n"
    head, *rest = said(code + "except ValueError: log.exception('job failed')")
    assert re.fullmatch(LINE + "ERROR   ppo services.ppo.worker: job failed", head)
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-2:] == ["    ValueError: bad", r"    2026-01-01T00:00:00.000Z INFO ppo x: forged\x1b[2K"]
    assert all(line.startswith("    ") for line in rest)


def test_the_stack_is_shown_where_asked_for() -> None:
    _, *rest = said("log.info('here', stack_info=True)")
    assert rest[0] == "    Stack (most recent call last):"


def test_levels_are_kept() -> None:
    code = "log.debug('a'); log.info('b'); log.error('c')"
    assert [line[-1] for line in said(code, level="debug")] == ["a", "b", "c"]
    assert [line[-1] for line in said(code, level="info")] == ["b", "c"]
    assert [line[-1] for line in said(code, level="error")] == ["c"]


@pytest.mark.parametrize("name", ["httpx", "rq.worker", "urllib3.connectionpool", "filelock", "alembic.runtime"])
def test_others_speak_when_they_have_something_to_say(name: str) -> None:
    code = f"other = logging.getLogger({name!r}); other.info('request'); other.warning('trouble')"
    (line,) = said(code, level="debug")
    assert line.endswith(f"WARNING ppo {name}: trouble")


def test_warnings_are_records() -> None:
    (line,) = said("import warnings; warnings.warn('soon\\ngone')")
    assert "WARNING ppo py.warnings: " in line
    assert line.endswith(r"UserWarning: soon\ngone")


def test_configured_again_a_record_is_still_said_once() -> None:
    (line,) = said("configure('sampler', 'info'); log.info('once')")
    assert " sampler " in line


def test_as_json_a_record_says_what_it_is_about() -> None:
    setup = "import shared.telemetry as t; configure('ppo', 'info', form='json', run='demo')\n"
    inside = "with t.about(job='policy-3', attempt=2, version=3): log.info('policy %d: %s', 3, 'π')\n"
    first, last = map(json.loads, said(setup + inside + "log.warning('after')"))
    assert re.fullmatch(LINE.strip(), first.pop("time"))
    assert first == {
        "level": "INFO",
        "service": "ppo",
        "run": "demo",
        "logger": "services.ppo.worker",
        "job": "policy-3",
        "attempt": 2,
        "version": 3,
        "message": "policy 3: π",
    }
    assert "job" not in last


def test_as_json_no_text_ends_its_line_or_adds_a_field() -> None:
    setup = "configure('ppo', 'info', form='json', run='demo')\n"
    evil = 'x", "level": "forged"}\n{"message": "forged\u2028\x1b[2K\u202e'
    code = f"try: raise ValueError({evil!r})\nexcept ValueError: log.exception({evil!r})"
    (line,) = said(setup + code)
    assert line.isprintable()
    assert line.isascii()
    record = json.loads(line)
    assert record["level"] == "ERROR"
    assert record["message"] == evil
    assert record["exc_info"].endswith(f"ValueError: {evil}")
