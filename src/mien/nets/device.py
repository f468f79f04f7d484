"""What the machine offers to training: device, precision, threads, memory that is kept."""

from __future__ import annotations

import ctypes
import platform
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import torch

from mien.errors import UsageError
from mien.nets.settings import TrainSettings


def choose_device(wanted: str) -> torch.device:
    """The device named, or for "auto" a CUDA device where there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(wanted)
        torch.zeros(1, device=device).cpu()  # a device without memory, such as meta, gives nothing back
    except (RuntimeError, AssertionError, NotImplementedError):
        raise UsageError(f"device {wanted!r} is not there", place="--device", remedy="use auto, cpu or cuda") from None
    return device


def choose_precision(wanted: str, device: torch.device) -> torch.dtype:
    """bfloat16 where the hardware multiplies it faster, float32 elsewhere."""
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if _multiplies_bfloat16() else torch.float32


@lru_cache
def _multiplies_bfloat16() -> bool:
    info = Path("/proc/cpuinfo")
    flags = info.read_text(errors="ignore") if info.exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def mixed(device: torch.device, precision: torch.dtype) -> torch.autocast:
    """A context in which layers compute in `precision`; nothing changes for float32."""
    return torch.autocast(device.type, precision, enabled=precision != torch.float32)


def one_thread() -> None:
    """Let torch use one thread for what this thread asks of it."""
    torch.set_num_threads(1)


@lru_cache
def keep_freed_memory() -> None:
    """Tell glibc, once, to keep freed blocks: every training step frees and asks for the same big ones."""
    if platform.libc_ver()[0] != "glibc":
        return
    m_trim_threshold, m_mmap_threshold = -1, -3
    libc = ctypes.CDLL(None)
    libc.mallopt(m_mmap_threshold, 1 << 30)
    libc.mallopt(m_trim_threshold, (1 << 31) - 1)


@contextmanager
def torch_runtime(settings: TrainSettings) -> Iterator[tuple[torch.device, torch.dtype]]:
    """Device and precision for `settings`, with threads and allocator set, and put back afterwards."""
    before = torch.get_num_threads()
    keep_freed_memory()
    torch.set_num_threads(max(1, settings.threads))
    device = choose_device(settings.device)
    deterministic = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True  # same seed, same numbers
    try:
        yield device, choose_precision(settings.precision, device)
    finally:
        torch.set_num_threads(before)
        torch.backends.cudnn.deterministic = deterministic


def seed_everything(*numbers: int) -> torch.Generator:
    """Seed torch's global draws (dropout, initial weights) and return a generator, both from the given numbers."""
    seed = random.Random(repr(numbers)).getrandbits(62)
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)
