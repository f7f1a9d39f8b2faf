"""docs/config.md has every key of a config, as it is now."""

import config_reference
from quotetune.config import Config


def rows(text: str) -> set[tuple[str, str]]:
    """The first cell of each row of the page, and its section."""
    found, section = set(), ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| `"):
            found.add((section, line.split("`")[1]))
    return found


def test_the_page_is_what_the_classes_say():
    remedy = "docs/config.md is out of date: run python tests/config_reference.py"
    assert config_reference.DOCUMENT.read_text() == config_reference.reference(), remedy


def test_every_key_of_pydantics_own_schema_has_a_row_in_one_section():
    schema = Config.model_json_schema()
    written = rows(config_reference.DOCUMENT.read_text())
    keys_of = [set(block["properties"]) for block in [schema, *schema["$defs"].values()]]
    sections = {section for section, _ in written}
    by_section = [{key for place, key in written if place == one} for one in sections]
    assert sorted(map(sorted, keys_of)) == sorted(map(sorted, by_section))


def test_types_and_defaults_are_in_words():
    lines = config_reference.reference().splitlines()
    row = next(line for line in lines if line.startswith("| `top_p` "))
    assert row.startswith("| `top_p` | number, more than 0 and at most 1 | `0.95` | Probability")
    row = next(line for line in lines if line.startswith("| `replay` "))
    assert row.startswith("| `replay` | list of: number, at least 0 and at most 1 | `[]` | Shares")
    row = next(line for line in lines if line.startswith("| `lora` "))
    assert row.startswith("| `lora` | mapping, or `null` | `null` |")
    assert row.endswith("`null` trains all weights. |")
