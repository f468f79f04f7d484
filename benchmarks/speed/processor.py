"""How far training is from what the processor could do: operations counted, peak measured, and where the rest goes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from benchmarks.common import Figure, Result
from mien.machine import cores
from mien.nets.attention import Attention
from mien.nets.augment import augment
from mien.nets.device import choose_precision, keep_freed_memory, mixed
from mien.nets.settings import AugmentSettings, TrainSettings
from mien.nets.training import SMALL

BATCH = 32
GROUPS = {
    "convolutions": ("conv",),
    "LSTM": ("rnn", "lstm"),
    "matrix products": ("mm", "bmm", "addmm", "linear"),
    "batch norm": ("batch_norm",),
    "pooling": ("max_pool",),
    "augmentation": ("grid_sampler", "affine_grid"),
    "copies and casts": ("copy", "fill", "cat", "stack", "contiguous"),
}


def flops(size: int = 48) -> float:
    """Floating-point operations of one training step for one picture: forwards, and twice that backwards."""
    counted = 0.0

    def count(module: nn.Module, given: tuple[torch.Tensor, ...], out: object) -> None:
        nonlocal counted
        if isinstance(module, nn.LSTM):
            steps, width = given[0].shape[1], module.hidden_size
            counted += 2 * steps * 4 * width * (module.input_size + width)
        elif isinstance(module, nn.MultiheadAttention):
            steps, width = given[0].shape[1], module.embed_dim
            counted += 2 * steps * 4 * width * width + 2 * 2 * steps * steps * width
        elif isinstance(module, nn.Linear):
            counted += 2 * module.in_features * module.out_features

    model = Attention(classes=7)
    for module in model.modules():
        module.register_forward_hook(count)
    model.eval()(torch.zeros(1, 1, size, size))
    side, first = size, 0.0
    for number, convolution in enumerate(model.convolutions):
        amount = 2 * side * side * convolution.weight.numel()
        first = amount if number == 0 else first
        counted, side = counted + amount, side // 2
    return 3 * counted - first  # nothing goes back to the pixels


def peak(precision: torch.dtype, threads: int) -> float:
    """Measured operations a second of a large matrix product."""
    torch.set_num_threads(threads)
    side = 2048
    a = torch.rand(side, side).to(precision)
    a @ a
    times = [_timed(lambda: a @ a) for _ in range(8)]
    return 2 * side**3 / min(times)


def shares() -> list[dict[str, object]]:
    """Where the time of a training step goes, on one core."""
    torch.set_num_threads(1)
    keep_freed_memory()
    step = _step()
    for _ in range(5):
        step()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(20):
            step()
    spent: dict[str, float] = defaultdict(float)
    for event in found.key_averages():
        name = event.key.removeprefix("aten::")
        group = next(
            (group for group, parts in GROUPS.items() if any(part in name for part in parts)), "everything else"
        )
        spent[group] += event.self_cpu_time_total
    total = sum(spent.values())
    rows = sorted(spent.items(), key=lambda item: -item[1])
    return [{"what": group, "µs a picture": round(value / 20 / BATCH), "share": value / total} for group, value in rows]


def report(result: Result) -> None:
    """The tables, and `peak_share`: the study's training throughput in units of the measured peak."""
    precision = choose_precision("auto", torch.device("cpu"))
    top = peak(precision, 1) * cores()
    small = TrainSettings().low_res_share
    amount = small * flops(round(48 * SMALL)) + (1 - small) * flops(48)
    rate = result.figures["mien_cells_pictures_per_second"].value
    name = str(precision).removeprefix("torch.")
    result.table("How far from the floor", [
        {"what": "operations for a picture and step at 48×48, million", "value": flops(48) / 1e6},
        {"what": "the same, mean over a training that begins with small pictures", "value": amount / 1e6},
        {"what": "matrix product, one core, float32, GFLOP/s", "value": peak(torch.float32, 1) / 1e9},
        {"what": f"matrix product, one core, {name}, GFLOP/s", "value": top / cores() / 1e9},
        {"what": "pictures/s that all cores' peak would allow", "value": top / amount},
        {"what": "achieved share of the peak", "value": rate * amount / top},
    ])  # fmt: skip
    result.figures["peak_share"] = Figure.over([rate * amount / top], 1)
    result.table("Where the time of a training step at 48×48 goes (network, augmentation, optimiser)", shares())


def _step() -> Callable[[], None]:
    model = Attention(classes=7).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    pictures, labels = torch.rand(BATCH, 1, 48, 48), torch.randint(0, 7, (BATCH,))
    device, generator = torch.device("cpu"), torch.Generator()
    model.precision = choose_precision("auto", device)

    def step() -> None:
        changed = augment(pictures, AugmentSettings(), generator).contiguous(memory_format=torch.channels_last)
        with mixed(device, model.precision):
            logits = model(changed)
        loss = nn.functional.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
