"""CNN/DM: x is a news article, y its summary (algorithm.md, Tasks).

Rows are those of `cnn_dailymail` 3.0.0: `article, highlights, id`. As in the released code, datelines go and an article
of more than `task.query_tokens` is cut after the last line that fits whole; where the data set has joined the lines of
an article, as 3.0.0 has, after the last sentence. That code cuts shorter articles too, whose last paragraph is lost
with it: here they stay whole. Left out: `ftfy`, which mends broken encodings.
"""

import re

from shared.settings import TaskSettings
from shared.tasks.sentences import SENTENCE_END
from shared.tasks.summarization import ANYWHERE, WORD, Form, summarization
from shared.tasks.task import Encoder, Task

LINE = re.compile(r"\n")
# "London, England (CNN) -- " near the start, and the Mail's "By . Jane Roe . PUBLISHED: . ... UPDATED: . <date> . "
DATELINE = re.compile(r"\A.{0,100}?\(CNN\)(?: *-- *| *)", re.DOTALL)
MAIL_HEAD = re.compile(r"\ABy \. .{0,200}?UPDATED: \. [^.]{1,50} \. ", re.DOTALL)


def clean(article: str) -> str:
    article = MAIL_HEAD.sub("", DATELINE.sub("", article)).replace("’", "'").replace("‘", "'")
    return re.sub(r"\n{3,}", "\n\n", article).strip()


FORM = Form(
    column="article",
    reference="highlights",
    prefix="Article:\n\n",
    suffix="\n\nTL;DR:",
    clean=clean,
    ends=(LINE, SENTENCE_END, WORD, ANYWHERE),
    example="datasets:abisee/cnn_dailymail:3.0.0",
)


def load(settings: TaskSettings, tokenizer: Encoder) -> Task:
    return summarization(FORM, settings, tokenizer)
