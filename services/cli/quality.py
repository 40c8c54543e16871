"""The report on quality as text: what is undefined says so."""

from collections.abc import Sequence

from shared.quality.pace import Quartiles
from shared.quality.position_bias import PositionBias
from shared.quality.report import Figures, Report
from shared.quality.share import Share

UNDEFINED = "undefined"


def as_text(report: Report) -> str:
    return "\n\n".join(["\n".join(_overall(report)), *map(aligned, _tables(report))])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns beside each other, as wide as they must be; the first row is their heads."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _overall(report: Report) -> list[str]:
    overall = report.overall
    return [
        f"labels           {overall.labels:,}, {report.skipped:,} queries skipped",
        f"none acceptable  {_share(overall.none_acceptable)}",
        f"flagged          {_share(overall.flagged)}",
        f"seconds          {_seconds(overall.seconds)}",
        f"gold             {right(overall.gold)}",
        f"position         {_position(overall.position)}",
        *(
            f"agreement        {each.purpose}, {each.responses} responses: alpha {_alpha(each.alpha)}, "
            f"pairs agree: {_share(each.pairs)} queries"
            for each in report.agreements
        ),
    ]


def _tables(report: Report) -> list[list[list[str]]]:
    people = [
        [
            each.name,
            f"{each.figures.labels:,}",
            str(each.skipped),
            str(each.retracted),
            _rate(each.figures.flagged),
            _rate(each.figures.none_acceptable),
            *_measured(each.figures),
            UNDEFINED if each.figures.position is None else f"{each.figures.position.p:.2g}",
            each.paused_reason or "",
        ]
        for each in report.people
    ]
    policies = [
        [
            f"policy {each.version}",
            f"{each.figures.labels:,}",
            str(each.skipped),
            _rate(each.figures.flagged),
            _rate(each.figures.none_acceptable),
        ]
        for each in report.policies
    ]
    spans = [
        [f"{each.start:%Y-%m-%d %H:%M}", f"{each.figures.labels:,}", *_measured(each.figures)]
        for each in report.over_time
    ]
    counts = ["labels", "skipped"]
    measured = ["seconds", "agreement", "gold"]
    return [
        [["labeler", *counts, "retracted", "flagged", "none acceptable", *measured, "position p", "paused"], *people],
        *([[["by policy", *counts, "flagged", "none acceptable"], *policies]] if policies else []),
        *([[["from (UTC)", "labels", *measured], *spans]] if spans else []),
    ]


def _measured(figures: Figures) -> list[str]:
    seconds = UNDEFINED if figures.seconds is None else f"{figures.seconds.median:.1f}"
    return [seconds, _share(figures.agreement), _share(figures.gold)]


def _rate(share: Share | None) -> str:
    return UNDEFINED if share is None else f"{100 * share.rate:.1f} %"


def _share(share: Share | None) -> str:
    if share is None:
        return UNDEFINED
    low, high = (100 * end for end in share.interval)
    return f"{_rate(share)} ({low:.0f} to {high:.0f}) of {share.of:,}"


def right(share: Share | None) -> str:
    """Of gold answers."""
    return "nobody answered" if share is None else f"{_share(share)} right"


def _alpha(alpha: float | None) -> str:
    return UNDEFINED if alpha is None else f"{alpha:.3f}"


def _seconds(seconds: Quartiles | None) -> str:
    if seconds is None:
        return UNDEFINED
    return f"median {seconds.median:.1f}, half of them {seconds.low:.1f} to {seconds.high:.1f}"


def _position(position: PositionBias | None) -> str:
    if position is None:
        return UNDEFINED
    places = "; ".join(f"{', '.join(map(str, counts))} of {shown}" for shown, counts in position.chosen.items())
    return (
        f"chosen by place {places}: chi-square {position.chi_square:.1f}, {position.degrees} degrees of freedom, "
        f"p = {position.p:.2g}"
    )
