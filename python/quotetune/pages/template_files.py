"""The templates, styles and scripts of a page: its own, and those that all pages share."""

import base64
import hashlib

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


def template_environment(package: str) -> Environment:
    """Return the templates of a package, which can extend those of all pages.

    Args:
        package: The package, which has a folder `templates`.
    """
    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(__package__)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def joined_files(environment: Environment, *names: str) -> str:
    """Return files one after the other, as they are."""
    assert environment.loader is not None
    return "".join(environment.loader.get_source(environment, name)[0] for name in names)


def content_hash(text: str) -> str:
    """Return the hash by which a page names its own style or script.

    Example:
        >>> content_hash("")
        'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
