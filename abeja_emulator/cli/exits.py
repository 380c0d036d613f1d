"""How a command ends: exit codes, and errors that are one sentence."""

from __future__ import annotations

#: It was done; the job is Complete, the run SUCCEEDED.
DONE = 0
#: It was not done, for the reason given; the job, run or service Failed; the doctor found what will break.
FAILED = 1
#: The command line says something that cannot be.
USAGE = 2
#: No server answers.
NO_SERVER = 3
#: The job or the service was stopped.
STOPPED = 4
#: Somebody else has the port or the data.
TAKEN = 5
#: Ctrl-C.
INTERRUPTED = 130
#: Whoever read the output has gone.
BROKEN_PIPE = 141
#: SIGTERM.
TERMINATED = 143

EPILOG = """\
exit codes:
  0    done; the job is Complete, the run SUCCEEDED
  1    not done, and stderr says why; the job, run or service Failed;
       the doctor found what will break
  2    the command line says something that cannot be
  3    no server answers
  4    the job or the service was stopped
  5    another process has the port or the data
  130  ended by Ctrl-C
"""

#: Status of a job, a run or a service → exit code of the command that waited for it.
OF_STATUS = {
    "Complete": DONE,
    "Failed": FAILED,
    "Stopped": STOPPED,
    "SUCCEEDED": DONE,
    "FAILED": FAILED,
    "STOPPED": STOPPED,
}


class CommandError(Exception):
    """What a command could not do; its text is the sentence that a person reads.

    Args:
        message: what happened, why, and what to do.
        code: exit code.
    """

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class Terminated(BaseException):
    """SIGTERM came; the counterpart of KeyboardInterrupt."""
