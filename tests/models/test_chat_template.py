"""Chat templates, against transformers' own rendering."""

import json
from pathlib import Path

import pytest

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
