"""The command ``python -m libfluvio``."""

from __future__ import annotations

import os
import signal
import sys
from typing import Optional, Sequence

from .._errors import FluvioError, InvalidArgumentError
from ._arguments import parser
from ._output import fail

FAILED = 1
"""Exit code: the cluster refused, or cannot be reached, or is not well."""
WRONG = 2
"""Exit code: arguments are wrong."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command and returns its exit code: 0, 1 for what failed, 2 for wrong arguments; 128 and the number of
    the signal when Ctrl-C or the end of a pipe ended it."""
    given = parser().parse_args(arguments)
    try:
        code = int(given.run(given) or 0)
        sys.stdout.flush()
        return code
    except InvalidArgumentError as error:
        return fail(error, WRONG, given.json)
    except FluvioError as error:
        return fail(error, FAILED, given.json)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the flush at the end does not fail
        return 128 + int(getattr(signal, "SIGPIPE", 13))
    except OSError as error:
        return fail(error, FAILED, given.json)
    except KeyboardInterrupt:
        return 128 + int(signal.SIGINT)
