"""The exception of this package, which names the fault, its place and the remedy."""


class TrainingError(Exception):
    """An error that the user can correct; the command line prints it without a traceback.

    `code` is the process's exit status, as in audio-classifierd: 64 usage, 65 bad data, 66 no input,
    69 unavailable, 70 internal, 78 configuration.
    """

    def __init__(self, message: str, code: int = 65) -> None:
        super().__init__(message)
        self.code = code
