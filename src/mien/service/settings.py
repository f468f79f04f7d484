"""Settings of a server: each is a flag of `mien serve` and an environment variable."""

from __future__ import annotations

from dataclasses import dataclass

from mien.deploy.assessment import WatchSettings
from mien.deploy.watch_io import KEEP, ON_ALARM
from mien.errors import UsageError
from mien.faces.settings import FinderSettings
from mien.machine import cores
from mien.settings import setting, validate

NONE, HASH, CROP = KINDS_KEPT = ("none", "hash", "crop")
"""What is kept of a picture: nothing; a digest of its pixels; the crop that the classifier read."""
BY_HAND, BETTER = SWAP_POLICIES = ("by-hand", "better")
"""Who puts a new patch in force: a person; or the server, where it is certified and better on held-out verdicts."""


@dataclass(frozen=True)
class EngineSettings:
    """How pictures are answered.

    Parameters
    ----------
    threads : that decode and answer, each on one core; 0 for as many as there are cores.
    batch : pictures that one thread answers together. A thread takes those that wait, and never waits for more.
    queue : pictures that may wait for an answer.
    timeout : seconds that a picture may wait.
    max_pixels : largest picture, in million pixels.
    """

    threads: int = setting(0, "threads that answer, each on one core; 0: as many as cores", within=(0, 256))
    batch: int = setting(8, "pictures that a thread answers together, of those that wait", within=(1, 1024))
    queue: int = setting(256, "pictures that may wait; more are refused with status 503", within=(1, 1e6))
    timeout: float = setting(10.0, "seconds that a picture may wait for its answer", within=(0.01, 3600))
    max_pixels: float = setting(33.0, "largest picture, in million pixels", within=(0.001, 67))

    def __post_init__(self) -> None:
        validate(self)

    @property
    def thread_count(self) -> int:
        """Number of threads."""
        return self.threads or cores()


@dataclass(frozen=True)
class ServeSettings:
    """What a server accepts, what it keeps, and what it does on an alarm.

    Parameters
    ----------
    patch : in force at the start, by name or hash; by default the last one. shadow : patches whose answers are kept.
    allow : host names under which the server is reached, beside those of this machine.
    origins : of other sites whose pages may send requests.
    max_bytes : largest request, in million bytes. max_images : pictures of one request.
    keep : one of KINDS_KEPT. age : days after which decisions, verdicts and crops are deleted.
    audit : share of pictures drawn at random for a verdict, overridden or not.
    data : place of labelled pictures; the ones most alike explain an answer, and new patches learn from them.
    new_classes : that verdicts may name beside those of the answers, so that they can be learnt.
    engine : how pictures are answered. finder : how faces are found. watch : what is promised.
    watch_every : seconds between two looks for an alarm.
    on_alarm : what an alarm of the watch puts in force, see `mien.deploy.watch_io`.
    refit_after : verdicts after which a new patch is fitted; 0 for never. swap : one of SWAP_POLICIES.
    trained_on : data sets that the classifier was trained on, by default those that the patch in force names. No patch
        learns from these.
    """

    patch: str = setting("", "patch in force at the start, as NAME@HASH, or none; by default the last one")
    shadow: tuple[str, ...] = setting((), "patches whose answers are kept beside, and not given")
    allow: tuple[str, ...] = setting((), "host names under which the server is reached, beside this machine's")
    origins: tuple[str, ...] = setting((), "origins of other sites whose pages may send requests")
    max_bytes: float = setting(16.0, "largest request, in million bytes", within=(0.001, 1000))
    max_images: int = setting(64, "pictures of one request", within=(1, 10_000))
    keep: str = setting(
        NONE, "what is kept of pictures: nothing, a digest, or the crop that was read", choices=KINDS_KEPT
    )
    age: float = setting(90.0, "days after which decisions, verdicts and crops are deleted", within=(0.01, 1e5))
    audit: float = setting(0.0, "share of pictures drawn at random for a verdict", within=(0, 1))
    data: str = setting(
        "", "labelled pictures: those most alike are shown beside an answer, and new patches learn from them"
    )
    new_classes: tuple[str, ...] = setting((), "classes that verdicts may name beside those of the answers")
    watch_every: float = setting(10.0, "seconds between two looks for an alarm", within=(0.05, 1e6))
    on_alarm: str = setting(
        KEEP, "what an alarm puts in force: the patch as it is, only flags, or f's answers alone", choices=ON_ALARM
    )
    refit_after: int = setting(0, "verdicts after which a new patch is fitted; 0: never", within=(0, 1e9))
    swap: str = setting(
        BY_HAND, "who puts a new patch in force: a person, or the server where it is certified and better",
        choices=SWAP_POLICIES,
    )  # fmt: skip
    trained_on: tuple[str, ...] = setting(
        (), "data sets that BASE was trained on, from which no patch learns; by default those of the patch in force"
    )
    engine: EngineSettings = EngineSettings()
    finder: FinderSettings = FinderSettings()  # noqa: RUF009 -- frozen
    watch: WatchSettings = WatchSettings()  # noqa: RUF009 -- frozen

    def __post_init__(self) -> None:
        validate(self)
        if self.max_images > self.engine.queue:
            remedy = f"give --queue {self.max_images}, or a smaller --max-images"
            raise UsageError("is more than may ever wait (--queue)", place="--max-images", remedy=remedy)
