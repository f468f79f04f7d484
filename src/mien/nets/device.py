"""Device, numerical precision, threads, memory allocator and random seeds of a training."""

from __future__ import annotations

import ctypes
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

import torch

from mien.errors import UsageError
from mien.nets.settings import TrainSettings


def choose_device(name: str) -> torch.device:
    """Return the device of a name; "auto" is CUDA where it is available, and the CPU elsewhere.

    Raises
    ------
    UsageError : this machine has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()  # fails on devices without memory, such as meta
    except (RuntimeError, AssertionError, NotImplementedError):
        cause = f"device {name!r} is not available"
        raise UsageError(cause, place="--device", remedy="use auto, cpu or cuda") from None
    return device


def choose_precision(name: str, device: torch.device) -> torch.dtype:
    """Return the precision of a name; "auto" is bfloat16 where the hardware computes it faster, else float32."""
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if _multiplies_bfloat16() else torch.float32


@lru_cache
def _multiplies_bfloat16() -> bool:
    info = Path("/proc/cpuinfo")
    flags = info.read_text(errors="ignore") if info.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def mixed(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """Return a context in which layers compute in `precision` (autocast); it has no effect for float32."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)


_FULL: ContextVar[bool] = ContextVar("full precision", default=False)


@contextmanager
def full_precision() -> Iterator[None]:
    """Within it networks answer in float32, whatever precision they were trained in; for the calling thread."""
    token = _FULL.set(True)
    try:
        yield
    finally:
        _FULL.reset(token)


def precision_of_answers(trained: torch.dtype, device: torch.device) -> torch.dtype:
    """The precision in which a network answers: that of its training where the hardware computes it faster."""
    fast = not _FULL.get() and choose_precision("auto", device) == trained
    return trained if fast else torch.float32


def one_thread() -> None:
    """Restrict torch to one thread for computations of the calling thread."""
    torch.set_num_threads(1)


@lru_cache
def keep_freed_memory() -> None:
    """Set glibc to keep freed memory blocks, since every training step frees and allocates the same large ones."""
    if platform.libc_ver()[0] != "glibc":
        return
    m_trim_threshold, m_mmap_threshold = -1, -3
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_threshold, 1 << 30)
    libc.mallopt(m_trim_threshold, (1 << 31) - 1)


@contextmanager
def torch_runtime(settings: TrainSettings) -> Iterator[tuple[torch.device, torch.dtype]]:
    """Yield device and precision for `settings`, with threads and determinism set until the context ends."""
    before = torch.get_num_threads()
    keep_freed_memory()
    torch.set_num_threads(max(1, settings.threads))
    device = choose_device(settings.device)
    deterministic = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True  # the same seed gives the same numbers
    try:
        yield device, choose_precision(settings.precision, device)
    finally:
        torch.set_num_threads(before)
        torch.backends.cudnn.deterministic = deterministic


def seed_everything(*numbers: int) -> torch.Generator:
    """Seed torch's global generator (dropout, initial weights) and return a CPU generator, both from `numbers`."""
    seed = random.Random(repr(numbers)).getrandbits(62)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)
