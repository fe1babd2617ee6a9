"""How fast a lane may go: learnt from the cloud, because neither vendor publishes its limits for these operations.

Refusals alone do not say that the rate is too high: somebody else may be using up the quota, or a gateway refuse at
random. So a cut is an experiment. If going slower cost as many good answers as it saved refusals, it is taken back.
"""

from __future__ import annotations

MIN_RATE = 0.5
WINDOW_S = 1.0  # what is judged at once
SETTLE_S = 0.5  # after a change, until the answers are to calls at the new rate
ENOUGH = 10  # answers to judge by
TOLERATED = 0.02  # share of refusals that is no news
CUT = 0.8  # at least this much, or the effect of a cut would drown in noise
DEEPEST_CUT = 0.4
CLIMB = 0.10  # of the rate, per window, while nothing was ever too much
PROBE = 0.01  # of the rate, per window, around the rate that was too much last time
AROUND = 0.9, 1.25  # of that rate: from there to there, slowly
LEAP = 2.0  # at most so many times the rate at once: a slow lane has enough answers after many windows only
USED = 0.5  # of what the rate permits; a lane that sends less learns nothing of what would be too much


class Pace:
    """The rate of one lane in calls/s. Times are seconds on any clock that never goes back.

    `ceiling` is the rate that the user allows: the lane begins there and never exceeds it. Without one it begins at
    `first` and feels its way up while the cloud keeps answering.
    """

    def __init__(self, first: float, ceiling: float | None = None) -> None:
        self.ceiling = ceiling
        self.rate = ceiling or first
        self._too_much: float | None = None  # the rate that was too much last time
        self._tolerated = TOLERATED
        self._before_cut: tuple[float, float] | None = None  # rate and good answers/s, while a cut is on trial
        self._began: float | None = None
        self._good = self._refused = 0
        self._limit_per_s: float | None = None

    def answered(self, now: float) -> None:
        """The cloud answered, whatever it said, without finding the lane too fast."""
        self._good += 1
        self._judge(now)

    def throttled(self, now: float, limit_per_s: float | None = None) -> None:
        """The cloud found the lane too fast; `limit_per_s` is its quota, where it tells."""
        self._refused += 1
        self._limit_per_s = limit_per_s
        self._judge(now)

    def _judge(self, now: float) -> None:
        if self._began is None:
            self._began = now
        passed = now - self._began
        if passed < 0:
            self._good = self._refused = 0
        if passed < WINDOW_S or self._good + self._refused < ENOUGH:
            return
        good_per_s = self._good / passed
        rate = self.rate
        share = self._refused / (self._good + self._refused)
        if self._before_cut:
            self._try_cut(*self._before_cut, good_per_s, share)
        elif share > self._tolerated and self._refused > 1:  # one alone is no news, of however few
            self._cut(good_per_s, share)
        elif self._good + self._refused >= USED * self.rate * passed:
            self._climb(passed / WINDOW_S)
        self._began = now + SETTLE_S * (self.rate < rate)
        self._good = self._refused = 0

    def _cut(self, good_per_s: float, share: float) -> None:
        self._before_cut = self.rate, good_per_s
        self._too_much = self.rate
        told = self._limit_per_s
        cut = max(DEEPEST_CUT, min(CUT, 1 - share)) * self.rate
        believable = told is not None and good_per_s < 1.2 * told
        self.rate = max(MIN_RATE, min(cut, told * 0.95) if told and believable else cut)

    def _try_cut(self, rate: float, good_per_s: float, now_good_per_s: float, share: float) -> None:
        """Keep the cut if it cost few good answers, else take it back and bear that many refusals from now on."""
        self._before_cut = None
        kept = (1 + self.rate / rate) / 2
        if share > TOLERATED and now_good_per_s < kept * good_per_s:
            self.rate = rate
            self._tolerated = min(0.95, 1.5 * share + TOLERATED)
        else:
            self._tolerated = TOLERATED
            if share > TOLERATED:
                self._cut(now_good_per_s, share)

    def _climb(self, windows: float) -> None:
        around = self._too_much is not None and AROUND[0] <= self.rate / self._too_much <= AROUND[1]
        rate = self.rate * min(LEAP, (1 + (PROBE if around else CLIMB)) ** windows)
        self.rate = min(rate, self.ceiling) if self.ceiling else rate
