"""Settings of a server that cannot be kept together are refused."""

import pytest

from mien.errors import UsageError
from mien.service.settings import EngineSettings, ServeSettings


def test_a_request_that_could_never_be_answered_is_refused_at_the_start() -> None:
    with pytest.raises(UsageError, match="--max-images: is more than may ever wait"):
        ServeSettings(max_images=8, engine=EngineSettings(queue=7))
    assert ServeSettings(max_images=7, engine=EngineSettings(queue=7)).max_images == 7
