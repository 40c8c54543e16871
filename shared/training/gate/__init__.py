"""Whether a trained reward model may score episodes: one check a file, and all of them must pass.

`judge` looks at a candidate beside the live r; `decide` is the same of what was seen, as plain data.
"""

from shared.training.gate.evidence import Beside, Evidence, Live
from shared.training.gate.verdict import Verdict, decide, judge

__all__ = ["Beside", "Evidence", "Live", "Verdict", "decide", "judge"]
