"""ONNX Runtime on one core of each thread that asks: frames are answered side by side, each by one thread."""

from __future__ import annotations

import threading
from typing import Any

from mien.outside import import_optional


class Sessions:
    """One session a thread for the same model.

    Parameters
    ----------
    content : of an ONNX file.
    """

    def __init__(self, content: bytes) -> None:
        self._content, self._own = content, threading.local()

    def get(self) -> Any:
        """The session of the calling thread; whatever ONNX Runtime raises at a model that it refuses."""
        if not hasattr(self._own, "session"):
            runtime = import_optional("onnxruntime", "onnxruntime", "faces")
            options = runtime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 3  # errors alone
            self._own.session = runtime.InferenceSession(self._content, options, providers=["CPUExecutionProvider"])
        return self._own.session
