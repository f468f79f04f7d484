"""Several threads answer at the same time, each on one core, also where a corrector computes with torch."""

import threading

import numpy as np
import torch

from mien.correctors.adapter import Adapter
from mien.correctors.blend import Blend
from mien.correctors.contract import prepare_thread
from mien.correctors.linear import Logistic
from mien.deploy.predictor import Predictor
from mien.types import Outputs


def threads_of_torch(corrector: object) -> int:
    """Threads that torch uses in a new thread that was prepared for a corrector."""
    counts = []

    def work() -> None:
        torch.set_num_threads(2)
        prepare_thread(corrector)
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return counts[0]


def test_an_adapter_alone_or_as_a_member_uses_one_core_in_a_prepared_thread() -> None:
    blend = Blend(members=[Logistic(), Adapter()])
    blend.members_ = (Logistic(), Adapter())
    assert threads_of_torch(Logistic()) == 2
    assert threads_of_torch(Adapter()) == 1
    assert threads_of_torch(blend) == 1


def test_a_classifier_without_preparation_allows_one_thread() -> None:
    class Plain:
        def outputs(self, batch: object) -> Outputs:
            return Outputs(None, np.array([[1.0, 0.0]]))

    class Threaded(Plain):
        prepared = 0

        def prepare_thread(self) -> None:
            self.prepared += 1

    assert not Predictor(Plain()).allows_threads
    threaded = Threaded()
    assert Predictor(threaded).allows_threads
    Predictor(threaded).prepare_thread()
    assert threaded.prepared == 1
