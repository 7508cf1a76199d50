"""How often one may ask: a bucket of tokens per caller, in memory; who the caller is was found out before.

Attempts to sign in are counted elsewhere (`throttle`), and longer.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from gismap.errors import TooManyError

BURST_S = 5
"""A full bucket holds what may be asked in so many seconds, unless told."""

REMEMBERED = 20_000


class Pace:
    """A bucket per caller: full at first, a token less with each request, filled again at an even rate.

    The clock is monotonic: setting the time of day neither fills nor empties a bucket. Of more than `REMEMBERED`
    callers the one is forgotten who has not asked for longest; who is forgotten has a full bucket.
    """

    def __init__(
        self, per_s: float, burst: float | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._size, self._clock = per_s, burst or max(1.0, BURST_S * per_s), clock
        self._lock = Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when there were so many

    def take(self, caller: str) -> None:
        """Count a request.

        Raises:
            TooManyError: the caller's bucket is empty.
        """
        self._draw(caller, 1.0)

    def check(self, caller: str) -> None:
        """Count nothing, but refuse who has asked too often already.

        Raises:
            TooManyError: the caller's bucket is empty.
        """
        self._draw(caller, 0.0)

    def _draw(self, caller: str, tokens: float) -> None:
        if self._per_s == 0:
            return
        with self._lock:
            now = self._clock()
            left, at = self._buckets.get(caller, (self._size, now))
            left = min(self._size, left + max(0.0, now - at) * self._per_s)
            enough = left >= 1
            self._buckets[caller] = (left - tokens if enough else left, now)
            self._buckets.move_to_end(caller)
            while len(self._buckets) > REMEMBERED:
                self._buckets.popitem(last=False)
        if enough:
            return
        wait_s = math.ceil((1 - left) / self._per_s)
        raise TooManyError(f"too many requests; the next one is heeded in {wait_s} s", retry_after_s=wait_s)
