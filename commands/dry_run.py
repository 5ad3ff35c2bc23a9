"""`launch --dry-run`: all that a launch would do, and nothing trained or written."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, is_dataclass
from typing import TYPE_CHECKING

from .planning import print_plan
from .printing import echo, echo_json, loading

if TYPE_CHECKING:
    from ..search.config import SweepConfig


def print_dry_run(config: SweepConfig, output: str) -> None:
    """Prints the config, what was seen of the images, and three networks of the space; of a question what it trains."""
    if config.question:
        print_plan(config, [], output)
        return
    with loading() as shown:
        from ..dashboards.text import design_json, design_text, forecast_line
        from ..search.config import AUTO, with_environment
        from ..search.driver import MEASURING, adequacy, choose_runner, forecast, read_and_check
        from ..search.proposals import textbook_designs
        from ..search.workers import shares_line
        from ..trainers.data import data_report

        config, by_environment = with_environment(config)
        dataset, designs = read_and_check(config, shown.enter)
        lacking = adequacy(config, dataset, designs)
        drawn = list(designs.draw(3, config.search.seed))
        shared = config.resources.gpus == "auto"
        shares = [shares_line(design, dataset) for design in drawn] if shared else []
        shown.enter(MEASURING)
        time = forecast(config, dataset, designs)
    size, runner = designs.networks.size(dataset.input), choose_runner(config, designs)
    if output == "json":
        networks = [design_json(design, designs) for design in drawn]
        counted = asdict(size) if is_dataclass(size) and not isinstance(size, type) else size and str(size)
        echo_json(
            {"config": config.to_json(), "data": data_report(dataset), "notes": lacking, "size": counted}
            | {"networks": networks, "time": time and asdict(time), "runner": asdict(runner)}
            | ({"shares": shares} if shared else {})
        )
        return
    import yaml

    echo(
        yaml.safe_dump(
            config.to_json(), sort_keys=False, allow_unicode=True, default_flow_style=None, width=100
        ).rstrip()
    )
    echo("")
    for line in [*data_report(dataset), *lacking, *by_environment]:
        echo(_comment(line))
    if config.search.start == AUTO:
        for start in textbook_designs(designs, config.search.trials):
            echo(f"{_comment(f'first, {start.reason}')}\n{design_text(start.design, designs)}")
    echo(_comment(f"runner: {runner.name}, since {runner.reason}"))
    if time is not None:
        echo(_comment(f"time: {forecast_line(time)}"))
    counted = "three networks of the space" if size is None else f"the space: {size}; three of them"
    echo(_comment(f"{counted}; nothing was kept"))
    for index, design in enumerate(drawn):
        echo(design_text(design, designs))
        if shared:
            echo(_comment(shares[index]))


def _comment(text: str) -> str:
    """A line as a comment of 80 columns, so that what is printed above it stays YAML."""
    return textwrap.fill(
        text, 80, initial_indent="# ", subsequent_indent="#   ", break_long_words=False, break_on_hyphens=False
    )
