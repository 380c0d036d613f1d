"""What is raised when the source of a version from git cannot be had."""


class GitError(ValueError):
    """The source of a version from git cannot be had, or what says where repositories are cannot be read."""
