"""Upload a directory to the Hugging Face Hub."""

from pathlib import Path
from typing import Literal

from quotetune.errors import QuotetuneError, UsageError, reason_of


def check_repo_name(repo: str) -> None:
    """Check the name of a repository before doing the work that is uploaded to it.

    Raises:
        UsageError: It is not a valid name, or huggingface_hub is not installed.

    Example:
        >>> check_repo_name("me/my model")
        Traceback (most recent call last):
        quotetune.errors.UsageError: --push-to-hub me/my model: not the name of a repository: \
write it as OWNER/NAME
    """
    try:
        from huggingface_hub.errors import HFValidationError
        from huggingface_hub.utils._validators import validate_repo_id
    except ImportError as error:
        raise UsageError("--push-to-hub needs huggingface_hub: install quotetune[train]") from error
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise UsageError(
            f"--push-to-hub {repo}: not the name of a repository: write it as OWNER/NAME"
        ) from error


def push_directory(directory: Path, repo: str, kind: Literal["model", "dataset"]) -> None:
    """Upload a directory. A repository that does not exist is created as a private one.

    Args:
        directory: The directory.
        repo: OWNER/NAME.
        kind: The type of the repository.

    Raises:
        QuotetuneError: The upload failed. The directory is kept.
    """
    from huggingface_hub import HfApi

    try:
        api = HfApi()
        api.create_repo(repo, repo_type=kind, private=True, exist_ok=True)
        api.upload_folder(
            repo_id=repo,
            repo_type=kind,
            folder_path=str(directory),
            commit_message="Upload of quotetune",
        )
    except Exception as error:
        # The Hub's client raises the errors of its HTTP library, which has changed before.
        reason = reason_of(error)
        raise QuotetuneError(
            f"{directory} is complete, but could not be uploaded to {repo} ({reason}): go online,"
            f" log in with `hf auth login`, and run `hf upload {repo} {directory}"
            f" --repo-type {kind}`"
        ) from error
