"""The text of an exported model.py, in which the network's own parts are filled in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TEMPLATE = '''\
"""{name}: sorts images of {shape} into {count} classes.

    python model.py                          checks the weights against the scores recorded in {examples}
    python model.py IMAGE [IMAGE ...]        names the class of each picture (needs Pillow)
    python model.py --json IMAGE [IMAGE ...] the same for programs: a line of JSON a picture
    python model.py --own-size IMAGE         a picture larger than {size} is not resized #any
    python model.py --half-stride IMAGE      nor here, and the network looks at places half as far apart #half

    from model import load, predict
    network = load()
    probabilities = predict(network, images)     # uint8 {images}{larger} -> (N, {count})

The weights are in {weights}, beside this file. Only torch is needed.
"""

from __future__ import annotations

import argparse
import json
{imports}import sys
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

import torch
{functional}from torch import Tensor, nn

CLASSES = {classes}
INPUT = {input}
"""Channels, height and width of an image."""
MEAN = {mean}
STD = {std}
"""Of each channel of the training images, their pixels counted from 0 to 1."""
STRIDE = {stride} #map
"""Rows and columns from one place of a larger image that gets scores to the next.""" #map
FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Of pictures that are read; HEIF, too, where pillow-heif is installed."""
{constants}

class Network(nn.Module):
    """Prepared images {images} -> class scores (N, {count}). #vector
    """Prepared images {images} or larger -> class scores (N, {count}), the mean over all places. #map

    The comments give the size of a layer's output for one image, where it changes: channels x height x width.
    """

    def __init__(self) -> None:
        super().__init__()
{stages}

    def forward(self, images: Tensor) -> Tensor:
        return self.score_map(images).mean((2, 3)) #map
 #map
    def score_map(self, images: Tensor) -> Tensor: #map
        """Scores of each place of prepared images, (N, {count}, H', W'): at {size} of one place.""" #map
{passes}


{blocks}{helpers}def prepare(images: Tensor) -> Tensor:
    """Pixels 0..255 {images} -> the values the network was trained on."""
    mean, std = (torch.tensor(values, device=images.device).view(1, -1, 1, 1) for values in (MEAN, STD))
    return (images.float() / 255 - mean) / std


def load(folder: str | Path = Path(__file__).parent) -> Network:
    """The trained network, ready to predict."""
    network = Network()
    network.load_state_dict(read_safetensors(Path(folder) / "{weights}"))
    return network.eval()


@torch.inference_mode()
def predict(network: Network, images: Tensor) -> Tensor: #whole
def predict(network: Network, images: Tensor, half_stride: bool = False) -> Tensor: #half
    """Probabilities (N, {count}) of CLASSES for pixels 0..255 {images}.""" #fixed
    """Probabilities (N, {count}) of CLASSES for pixels 0..255 {images}, or of another height and width.""" #pooled
    """Probabilities (N, {count}) of CLASSES for pixels 0..255 {images} or larger, scores averaged over places.""" #map
    if images.dim() != 4 or images.shape[1:] != INPUT: #fixed
    if images.dim() != 4 or images.shape[1] != INPUT[0]: #pooled
    smaller = any(size < own for size, own in zip(images.shape[2:], INPUT[1:])) #map
    if images.dim() != 4 or images.shape[1] != INPUT[0] or smaller: #map
        raise ValueError(f"images are {{tuple(images.shape)}}, and this network takes {images}{larger}")
    if half_stride: #half
        return half_stride_map(network, prepare(images)).mean((2, 3)).softmax(1) #half
    return network(prepare(images)).softmax(1)
 #half
 #half
@torch.inference_mode() #half
def half_stride_map(network: Network, images: Tensor) -> Tensor: #half
    """Scores of places half of STRIDE apart: passes over prepared images shifted by half of it, put together.""" #half
    steps = [max(stride // 2, 1) for stride in STRIDE] #half
    places = [(size - own) // step + 1 for size, own, step in zip(images.shape[2:], INPUT[1:], steps)] #half
    scores = images.new_empty(len(images), len(CLASSES), *places) #half
    rows, columns = (range(0, stride, step)[:count] for stride, step, count in zip(STRIDE, steps, places)) #half
    for i, row in enumerate(rows): #half
        for j, column in enumerate(columns): #half
            between = scores[:, :, i :: len(rows), j :: len(columns)] #half
            found = network.score_map(images[:, :, row:, column:]) #half
            between.copy_(found[:, :, : between.shape[2], : between.shape[3]])  # a rest may give one place more #half
    return scores #half


def read_safetensors(file: Path) -> dict[str, Tensor]:
    """Tensors by name. Eight bytes hold the length of a JSON header that says where in the rest each tensor lies."""
    types = {{"F32": torch.float32, "I64": torch.int64, "U8": torch.uint8}}
    content = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    tensors = {{}}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, last = (start + offset for offset in entry["data_offsets"])
            tensors[name] = torch.frombuffer(content[first:last], dtype=types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def check(folder: str | Path = Path(__file__).parent) -> float:
    """Largest difference to the scores recorded for a few test images, as a part of the largest score."""
    examples = read_safetensors(Path(folder) / "{examples}")
    with torch.inference_mode():
        scores = load(folder)(prepare(examples["images"]))
    return ((scores - examples["scores"]).abs().max() / examples["scores"].abs().max()).item()


def read_image(file: str | Path | BinaryIO) -> Tensor: #fixed
    """A picture as uint8 (1, {channels}, {height}, {width}): {resized}.""" #fixed
def read_image(file: str | Path | BinaryIO, own_size: bool = False) -> Tensor: #any
    """A picture as uint8 (1, {channels}, {height}, {width}): {resized}. #any
 #any
    With `own_size` one that is at least so large is as it is. #any
    """ #any
    from PIL import Image, ImageOps

    formats = [*FORMATS]
    if find_spec("pillow_heif"):  # pip install pillow-heif
        from pillow_heif import register_heif_opener

        register_heif_opener()
        formats.append("HEIF")
    opened = open(file, "rb") if isinstance(file, (str, Path)) else nullcontext(file)
    with opened as content, Image.open(content, formats=formats) as picture:
        if picture.mode == "F":
            raise ValueError("it holds floats, and nothing says which is white")
        if picture.mode.startswith("I"):  # of 16 bits the upper 8
            picture = picture.convert("I")
            low, high = picture.getextrema()
            if low < 0 or high > 65_535:
                raise ValueError("it holds numbers beyond 0 to 65,535, and nothing says which is white")
            picture = picture.point(lambda value: value * (1 / 256)).convert("L")
        elif picture.mode == "P":  # a palette may have see-through colours
            picture = picture.convert("RGBA")
        picture = ImageOps.exif_transpose(picture.convert("{mode}"))  # upright
        picture = {resize} #fixed
        if not own_size or picture.height < INPUT[1] or picture.width < INPUT[2]: #any
            picture = {resize} #any
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return pixels.view(1, picture.height, picture.width, {channels}).permute(0, 3, 1, 2)


def answer(network: Network, file: str, options: argparse.Namespace) -> dict[str, object]:
    """What the network makes of a picture: its label, and all classes, the most probable first; or why it cannot."""
    try:
        images = read_image(file) #fixed
        images = read_image(file, options.own_size) #anywhole
        images = read_image(file, options.own_size or options.half_stride) #half
    except Exception as error:  # of a damaged file Pillow raises anything
        unknown = type(error).__name__ == "UnidentifiedImageError"
        reason = f"it is none of {{', '.join(FORMATS)}}" if unknown else getattr(error, "strerror", None) or error
        return {{"file": file, "problem": f"no picture that can be read: {{reason}}"}}
    try: #any
        probabilities, order = predict(network, images)[0].sort(descending=True) #anywhole
        probabilities, order = predict(network, images, options.half_stride)[0].sort(descending=True) #half
    except RuntimeError as error:  # at some sizes branches of a block do not meet; or memory ended #any
        height, width = images.shape[2:] #any
        return {{"file": file, "problem": f"the network cannot take {{height}}x{{width}} pixels: {{error}}"}} #any
    probabilities, order = predict(network, images)[0].sort(descending=True) #fixed
    found = [{{"label": CLASSES[at], "probability": share.item()}} for at, share in zip(order, probabilities)]
    return {{"file": file, **found[0], "classes": found}}


def printable(text: str) -> str:
    """What is said of a picture, in one line that a terminal does not act on."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def main() -> int:
    """Names the class of each picture; 1 where one of them cannot be, or where the weights are not those recorded."""
    parser = argparse.ArgumentParser(description=f"Names the class of each picture: one of {{len(CLASSES)}}.")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="without any, the weights are checked")
    parser.add_argument("--json", action="store_true", help="a line of JSON a picture, with all probabilities")
    parser.add_argument("--own-size", action="store_true", help="do not resize a picture larger than {size}") #any
    parser.add_argument("--half-stride", action="store_true", help="look at places half as far apart, too") #half
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="backslashreplace")  # whatever a terminal cannot show
    try:
        network = load()
        apart = 0 if options.images else check()
    except (OSError, LookupError, RuntimeError, ValueError) as error:
        sys.exit(f"the weights or the recorded scores cannot be read: {{error}}")
    if not options.images:
        agree = apart <= 1e-4  # what is no number does not
        print(f"scores {{'agree with' if agree else 'DIFFER from'}} the recorded ones: by {{apart:.1e}} of the largest")
        return int(not agree)
    unread = False
    for file in options.images:
        found = answer(network, file, options)
        unread = unread or "problem" in found
        if options.json:
            print(json.dumps(found))
        elif "problem" in found:
            print(printable(f"{{file}}: {{found['problem']}}"), file=sys.stderr)
        else:
            best = (f"{{each['label']}} {{each['probability']:.1%}}" for each in found["classes"][:3])
            print(printable(f"{{file}}: {{', '.join(best)}}"))
    return int(unread)


if __name__ == "__main__":
    sys.exit(main())
'''
"""Text of the file, to be formatted. A line that ends with a mark is for networks of that kind alone."""
MARK = re.compile(r" #(fixed|any|pooled|vector|map|half|whole|anywhole)$")
"""The kinds of network that lines are for: they take images of a fixed size, or of any, as their head is pooled or as
they give a map of scores, and not a vector; and they slide by half their stride, or by the whole alone."""


RESIZES = {
    "crop": (
        "the part in its middle that has this shape, resized",
        "ImageOps.fit(picture, ({width}, {height}), Image.Resampling.BILINEAR)",
    ),
    "pad": (
        "all of it, resized, and black beside it",
        "ImageOps.pad(picture, ({width}, {height}), Image.Resampling.BILINEAR)",
    ),
    "stretch": (
        "all of it, stretched",
        "picture.resize(({width}, {height}), Image.Resampling.BILINEAR)",
    ),
}
"""What a picture of another shape becomes, in words and in Python, as `data.pixels` does it in training."""


def filled(kinds: Collection[str], fields: Mapping[str, object]) -> str:
    """The text of a file: the template's lines for networks of some kinds, with a network's own parts in its braces.

    Args:
        kinds: of network; those of MARK.
        fields: by name, what stands in the braces.
    """
    lines = ((line, MARK.search(line)) for line in TEMPLATE.splitlines())
    kept = [MARK.sub("", line) for line, mark in lines if mark is None or mark[1] in kinds]
    return "\n".join(kept).format_map(fields) + "\n"
