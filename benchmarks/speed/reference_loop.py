"""The plain training loop that mien is measured against: what a competent user of PyTorch would write today.

Dataset + DataLoader with worker processes, PIL decoding, one transform a picture, float32, torch's own layers and
defaults, the network of docs/method.md from the paper's description. It shares no code with mien, on purpose.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

WORKERS = 2


class Network(nn.Module):
    """CNN → LSTM → attention → head, written down as the paper has it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for inputs, outputs in ((1, 32), (32, 64), (64, 128)):
            blocks += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]
        self.convolutions = nn.Sequential(*blocks)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.attention = nn.MultiheadAttention(128, 4, batch_first=True)
        self.head = nn.Sequential(nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, classes))

    def forward(self, pictures: Tensor) -> Tensor:
        sequence = self.convolutions(pictures).flatten(2).transpose(1, 2)
        sequence, _ = self.lstm(sequence)
        sequence, _ = self.attention(sequence, sequence, sequence)
        logits: Tensor = self.head(sequence.mean(1))
        return logits


class Pictures(Dataset[tuple[Tensor, int]]):
    """Picture files and labels; each picture decoded and changed when it is asked for."""

    def __init__(self, paths: Sequence[Path], labels: Sequence[int], size: int, train: bool) -> None:
        self.paths, self.labels, self.size, self.train = list(paths), list(labels), size, train

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[Tensor, int]:
        picture = Image.open(self.paths[row]).convert("L").resize((self.size, self.size))
        if self.train:
            picture = _changed(picture)
        pixels = torch.from_numpy(np.asarray(picture, np.float32) / 255)
        return (pixels[None] - 0.5) / 0.25, self.labels[row]


def _changed(picture: Image.Image) -> Image.Image:
    """Mirror, small rotation and shift, light."""
    if random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    shift = (round(random.uniform(-2, 2)), round(random.uniform(-2, 2)))
    picture = picture.rotate(random.uniform(-5, 5), Image.Resampling.BILINEAR, translate=shift)
    picture = ImageEnhance.Brightness(picture).enhance(random.uniform(0.75, 1.25))
    return ImageEnhance.Contrast(picture).enhance(random.uniform(0.75, 1.25))


def train(
    pictures: Pictures,
    classes: int,
    epochs: int,
    batch_size: int,
    seed: int,
    device: str = "cpu",
    workers: int = WORKERS,
) -> nn.Module:
    """Train from scratch; what is returned is on the processor."""
    torch.manual_seed(seed)
    random.seed(seed)
    network = Network(classes).to(device)
    counts = torch.bincount(torch.tensor(pictures.labels), minlength=classes).clamp(min=1)
    loss_of = nn.CrossEntropyLoss(weight=(len(pictures) / counts) ** 0.5, label_smoothing=0.1).to(device)
    loader = DataLoader(
        pictures,
        batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=True,
        pin_memory=device != "cpu",
    )
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * len(loader))
    for _ in range(epochs):
        network.train()
        for batch, labels in loader:
            loss = loss_of(network(batch.to(device, non_blocking=True)), labels.to(device, non_blocking=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.cpu()


@torch.no_grad()
def predict(network: nn.Module, pictures: Pictures, batch_size: int) -> tuple[NDArray[np.float32], float]:
    """(N, K) probabilities, and the pictures a second from files to probabilities."""
    network.eval()
    start = time.perf_counter()
    loader = DataLoader(pictures, batch_size, num_workers=WORKERS)
    found = [network(batch).softmax(1) for batch, _ in loader]
    return torch.cat(found).numpy(), len(pictures) / (time.perf_counter() - start)
