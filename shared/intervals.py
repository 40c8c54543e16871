"""How far a measured share can be trusted."""

import math

Z = 1.959963984540054  # 97.5 % quantile of the normal distribution

Interval = tuple[float, float]


def wilson(successes: float, n: int) -> Interval:
    """Wilson's 95 % score interval of a share: (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), p = successes / n.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference". (0, 1) for n = 0.
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    middle = p + Z * Z / (2 * n)
    half = Z * math.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)
