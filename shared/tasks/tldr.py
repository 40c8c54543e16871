"""TL;DR: x is a Reddit post, y what its writer would have put under it as a summary (algorithm.md, Tasks).

Rows are those of the filtered TL;DR data set: `id, subreddit, title, post, summary`. As in the released code, x is the
body of the post alone, stripped, without runs of empty lines; subreddit and title are not read, and a post of more
than `task.query_tokens` loses its end: here whole words, there tokens. Left out: `ftfy`, which mends broken encodings.
"""

import re

from shared.settings import TaskSettings
from shared.tasks.summarization import ANYWHERE, WORD, Form, summarization
from shared.tasks.task import Encoder, Task


def clean(post: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", post).strip()


FORM = Form(
    column="post",
    reference="summary",
    prefix="",
    suffix="\n\nTL;DR:",
    clean=clean,
    ends=(WORD, ANYWHERE),
    example="the train.jsonl of OpenAI's filtered TL;DR data set",
)


def load(settings: TaskSettings, tokenizer: Encoder) -> Task:
    return summarization(FORM, settings, tokenizer)
