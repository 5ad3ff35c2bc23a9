"""One pass of a network over larger images, against the same network on each of their crops.

The network's fully connected layers become convolutions with the same weights; one pass over an image gives the scores
of every place that a crop of the network's own size can have, a whole stride apart. Each repeat runs both, one after
the other. The networks are untrained: that changes neither seconds nor MACs. The first does not pad, so that its scores
are those of the crops but for rounding; the second does, as VGG does.

    python benchmarks/sliding.py [NETWORK] [--size N] [--images N] [--repeats N] [--threads N] [--quick]

NETWORK is a classic, a line of notation or a JSON file, `--size` the side of the images; without one there are two
small ones. VGG-16 over 384x384 as in the CS231n notes: `python benchmarks/sliding.py vgg16 --size 384 --repeats 3`,
about two minutes on a core that has nothing else to do. The last line is JSON: `ratio` is the seconds of the crops over
those of the pass, the median of the last network's repeats, `spread` their range.
"""

from __future__ import annotations

import argparse
import json
import statistics
from typing import Any

import torch
from convscape.spaces import Architecture, SlidingNetwork, cost_table, load_architecture
from convscape.trainers import build_network, compare_with_crops

VGG_LIKE = "INPUT[64x64x3] -> [[CONV3-32{0} -> RELU]*2 -> POOL2]*3 -> [FC-256 -> RELU]*2 -> FC-100"
NETWORKS = {"without padding": VGG_LIKE.format(" valid"), "with padding": VGG_LIKE.format("")}
SIZE = 128


def measured(name: str, architecture: Architecture, size: int, images: int, repeats: int) -> dict[str, Any]:
    """Prints a line of the table, and gives what it says."""
    channels = architecture.input[0]
    over = SlidingNetwork(architecture, (channels, size, size))
    macs = over.places * cost_table(over.native).totals.macs / cost_table(over).totals.macs
    network = build_network(architecture).eval()
    batch = torch.randn(images, channels, size, size, generator=torch.Generator().manual_seed(0))
    found = compare_with_crops(architecture, network, batch, repeats=repeats)
    one, all_, ratio = map(statistics.median, (found.pass_seconds, found.crops_seconds, found.ratios))
    spread = [round(min(found.ratios), 2), round(max(found.ratios), 2)]
    print(
        f"{name:<17}{'x'.join(map(str, found.places)):>6}{one:>10.3f}{all_:>10.3f}{ratio:>7.1f}"
        f"{'-'.join(map(str, spread)):>14}{macs:>7.1f}{found.difference:>12.1e}{found.agreement:>7.0%}",
        flush=True,
    )
    told = {"macs": round(macs, 2), "difference": float(f"{found.difference:.2e}"), "agreement": found.agreement}
    return {"ratio": round(ratio, 2), "n": repeats, "spread": spread, **told}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", help="a classic, a line of notation or a JSON file")
    parser.add_argument("--size", type=int, default=SIZE, help="side of the images, in cells")
    parser.add_argument("--images", type=int, default=1, help="images that are slid over together")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="three repeats: shows that it runs")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    repeats = 3 if options.quick else options.repeats
    networks = {options.network[:16]: options.network} if options.network else NETWORKS
    print(
        f"{'network':<17}{'crops':>6}{'pass, s':>10}{'crops, s':>10}{'ratio':>7}{'spread':>14}{'MACs':>7}"
        f"{'difference':>12}{'agree':>7}"
    )
    found = [
        measured(name, load_architecture(said), options.size, options.images, repeats)
        for name, said in networks.items()
    ]
    print(json.dumps(found[-1] | {"size": options.size, "images": options.images, "threads": options.threads}))


if __name__ == "__main__":
    main()
