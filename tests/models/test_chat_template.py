"""Chat templates, against transformers' own rendering."""

import inspect
import json
from pathlib import Path

import pytest

from quotetune.config.block import OWN_VARIABLES
from quotetune.errors import QuotetuneError
from quotetune.models.chat_template import read_chat_template, render, tokenizer_settings
from tiny_model import CHAT_TEMPLATE, tiny_tokenizer

CHATS = [
    [{"role": "user", "content": "Why <b>?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
    [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "So."},
        {"role": "user", "content": "How?"},
    ],
]
TEMPLATES = [
    CHAT_TEMPLATE,
    # White space around blocks is trimmed, JSON is not escaped for HTML, loops can be left.
    """{{ bos_token }}
    {% for message in messages %}
        {% if loop.index > 2 %}{% break %}{% endif %}
        {{- message | tojson }}
    {% endfor %}{{ eos_token }}""",
    "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
    "{{ strftime_now('%Y') }}{{ messages[-1]['content'] }}",
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}x",
    "{% if tools is not none %}{{ tools[0].name }}{% endif %}{{ messages[0].content }}",
    "{% if documents is not none %}{{ documents[0].text }}{% endif %}{{ messages[0].content }}",
    "{{ tools is defined }}{{ documents is defined }}{{ continue_final_message is defined }}",
    "{{ messages[0].content.missing.deeper }}",
    "{% if %}",
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("chat", CHATS, ids=len)
def test_a_chat_is_rendered_or_refused_as_by_transformers(
    template: str, chat: list[dict[str, str]], tmp_path: Path
) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(tmp_path)
    read = read_chat_template(tmp_path)
    assert read is not None
    try:
        expected = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    except Exception:  # Jinja's errors of many kinds
        with pytest.raises(QuotetuneError):
            render(read, chat, tokenizer_settings(tmp_path))
    else:
        assert render(read, chat, tokenizer_settings(tmp_path)) == expected


def test_a_template_may_be_one_of_several(tmp_path: Path) -> None:
    assert read_chat_template(tmp_path) is None
    several = [{"name": "tools", "template": "a"}, {"name": "default", "template": "b"}]
    settings = {"chat_template": several, "bos_token": {"content": "<s>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    assert read_chat_template(tmp_path) == "b"
    assert render("{{ bos_token }}", CHATS[0], settings) == "<s>"
    (tmp_path / "chat_template.jinja").write_text("c")
    assert read_chat_template(tmp_path) == "c"


BEGIN = "<|begin|>"


@pytest.mark.parametrize(
    ("settings", "special"),
    [
        ({}, {"bos_token": BEGIN}),
        ({}, {"bos_token": {"content": BEGIN, "lstrip": False}}),
        ({"bos_token": "<|end|>"}, {"bos_token": BEGIN}),
        ({"bos_token": None}, {"bos_token": BEGIN}),
        ({"bos_token": BEGIN}, None),
        (
            {"added_tokens_decoder": {"1": {"content": BEGIN, "special": True}}},
            {"bos_token": BEGIN},
        ),
        ({"mask_token": BEGIN}, {"cls_token": "<|end|>"}),
    ],
)
def test_special_tokens_are_those_that_transformers_loads(
    settings: dict, special: dict | None, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    template = "{{ bos_token }}|{{ cls_token }}|{{ mask_token }}|{{ messages[0].content }}"
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    tokenizer.save_pretrained(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    saved = json.loads(file.read_text())
    saved.pop("bos_token")
    file.write_text(json.dumps(saved | settings))
    if special is not None:
        (tmp_path / "special_tokens_map.json").write_text(json.dumps(special))
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    expected = loaded.apply_chat_template(CHATS[0], tokenize=False, add_generation_prompt=True)
    assert render(template, CHATS[0], tokenizer_settings(tmp_path)) == expected


def test_variables_of_templates_are_none_of_transformers_own_arguments() -> None:
    from transformers import PreTrainedTokenizerBase

    taken = set(inspect.signature(PreTrainedTokenizerBase.apply_chat_template).parameters)
    assert taken - set(OWN_VARIABLES) == {"tools", "documents", "kwargs"}
