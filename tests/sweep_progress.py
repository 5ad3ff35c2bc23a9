"""How far some sweep is, to be shown."""

from __future__ import annotations

from dataclasses import replace

from convscape.search.driver import Phase, RunningTrial, SweepProgress, SweepState

NOTHING = SweepProgress(
    state=SweepState.RUNNING,
    time=0.0,
    seconds=5.0,
    wanted=50,
    begun=0,
    ended=0,
    paused=0,
    running=0,
    failed=0,
    baselines=0,
    finals=0,
    epochs=0,
    images_per_second=0.0,
    left=None,
)
PHASES = (Phase("loading PyTorch", 2.94), Phase("reading images", 0.01), Phase("starting Ray", 4.0))
NOW = replace(
    NOTHING,
    seconds=75.0,
    begun=12,
    ended=3,
    paused=7,
    running=2,
    failed=1,
    baselines=1,
    epochs=30,
    images_per_second=1234.5,
    left=90.0,
    done=0.34,
    trial=4,
    accuracy=0.91,
    reach=0.0123,
    parameters=2930,
    notation="INPUT[8x8x1] -> CONV3-8 -> FC-10",
    trials=(
        RunningTrial(number=17, epochs=2, of=9),
        RunningTrial(number=18, epochs=0, of=None),
    ),
    phases=(*PHASES, Phase("search", 68.2)),
)
