"""Files without a name: whatever happens to this process, nothing of them stays."""

import os
from tempfile import TemporaryFile
from typing import BinaryIO

from django.conf import settings

from common.errors import Unavailable


def unnamed_file() -> BinaryIO:
    """Open one in `UPLOAD_FOLDER`; raise Unavailable."""
    try:
        os.makedirs(settings.UPLOAD_FOLDER, exist_ok=True)
        return TemporaryFile(dir=settings.UPLOAD_FOLDER)
    except OSError as error:
        raise Unavailable("The file could not be stored; try again later.") from error
