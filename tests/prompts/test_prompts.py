"""Files of prompts, and their split."""

import json
from hashlib import blake2b

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quotetune.config import PromptsConfig
from quotetune.errors import UsageError
from quotetune.prompts.prompt import Prompt, load_prompts, write_prompts
from quotetune.prompts.reading import SourcePrompt, read_prompts
from quotetune.prompts.split import position, split_prompts


def written(tmp_path, *rows, name="prompts.jsonl"):
    path = tmp_path / name
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path, **options):
    return [source.prompt for source in read_prompts(path, PromptsConfig(path=path, **options))]


def test_a_text_becomes_a_users_turn_in_the_template_with_the_system_message(tmp_path):
    path = written(tmp_path, {"prompt": "Rust {x}", "id": 7})
    (prompt,) = read(path, template="What is {prompt}?", system="Be brief.")
    assert prompt == Prompt(
        id="7",
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is Rust {x}?"},
        ],
        question="Rust {x}",
    )


def test_a_chat_keeps_its_own_system_message(tmp_path):
    chat = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    (prompt,) = read(written(tmp_path, {"prompt": chat}), system="other")
    assert prompt.messages == chat


def test_under_format_text_the_prompt_is_continued_as_it_is(tmp_path):
    (prompt,) = read(written(tmp_path, {"prompt": " The Rust "}), format="text")
    assert (prompt.text, prompt.messages) == (" The Rust ", None)


def test_known_columns_and_further_ones_survive_the_round_trip_through_parquet(tmp_path):
    path = written(
        tmp_path,
        {
            "prompt": "a",
            "reference": "r",
            "topic": "t",
            "documents": [{"source": "s", "id": "1"}],
            "text": 1,
            "notes": ["x", 2],
            "answers": ["x", "y"],
        },
        {"prompt": [{"role": "user", "content": "b"}], "answers": None},
        {"prompt": "c", "answers": []},
        {"prompt": "d", "answers": "x"},
        {"prompt": "e", "answers": {"text": ["x", "y"], "answer_start": [0, 7]}},
        {"prompt": "f", "answers": [{"text": "x", "answer_start": 0}]},
    )
    prompts = read(path)
    assert prompts[0].documents == [("s", "1")]
    assert prompts[0].extra == {"text": 1, "notes": ["x", 2]}
    assert [prompt.answers for prompt in prompts] == [
        ["x", "y"],
        None,
        [],
        ["x"],
        ["x", "y"],
        ["x"],
    ]
    assert [prompt.question for prompt in prompts] == ["a", "b", "c", "d", "e", "f"]
    write_prompts(tmp_path / "out.parquet", prompts)
    assert load_prompts(tmp_path / "out.parquet") == prompts


def test_prompts_that_an_earlier_version_wrote_ask_with_their_last_message(tmp_path):
    import pyarrow.parquet as pq

    prompts = [Prompt("a", messages=[{"role": "user", "content": "Why?"}])]
    write_prompts(tmp_path / "new.parquet", prompts)
    table = pq.read_table(tmp_path / "new.parquet")
    table = table.drop_columns(["answers", "question", "passages"])
    pq.write_table(table, tmp_path / "old.parquet")
    [prompt] = load_prompts(tmp_path / "old.parquet")
    assert [prompt] == prompts
    assert (prompt.answers, prompt.passages, prompt.asked) == (None, None, "Why?")


def test_parquet_and_jsonl_give_the_same_prompts(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"prompt": "a", "reference": "r", "rank": 1},
        {"prompt": "b", "reference": None, "rank": 2},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "prompts.parquet")
    assert read(tmp_path / "prompts.parquet") == read(written(tmp_path, *rows))


def test_a_prompt_that_occurs_twice_is_read_once(tmp_path):
    path = written(
        tmp_path, {"prompt": "What is Rust?", "id": "a"}, {"prompt": "what is  rust?", "id": "b"}
    )
    assert [prompt.id for prompt in read(path)] == ["a"]


@pytest.mark.parametrize("key", ["context", "documents"])
def test_a_question_about_two_passages_is_two_prompts(tmp_path, key):
    passages = ["x", "y", ["X ", "z"]]  # the last is the first again, as one passage is shown
    if key == "documents":
        passages = [[{"source": "s", "id": name}] for name in "xyx"]
    rows = [{"prompt": "Who?", key: passages[number]} for number in (0, 1, 2)]
    path = written(tmp_path, *rows)
    context = {"source": "given" if key == "context" else "documents"}
    found = read_prompts(path, PromptsConfig(path=path, context=context))
    assert [one.content for one in found] == ["Who?", "Who?"]
    assert len({one.prompt.id for one in found}) == 2
    assert found[0].prompt.id == read(path)[0].id
    assert len(read(path)) == 1


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('{"prompt": "a"', "not JSON"),
        ("[1]", "not an object"),
        ('{"question": "a"}', "no prompt (the row has question)"),
        ('{"prompt": "  "}', "is empty"),
        ('{"prompt": "a", "answers": {"x": 1}}', "answers is {'x': 1}, not a list of texts"),
        ('{"prompt": "a", "answers": [2]}', "answers is [2], not a list of texts"),
        ('{"prompt": 5}', "neither a text nor a list"),
        ('{"prompt": []}', "neither a text nor a list"),
        ('{"prompt": [{"content": "a"}]}', "neither a text nor a list"),
        ('{"prompt": [{"role": "user"}]}', "message 1 of the prompt has no content"),
        (
            '{"prompt": [{"role": "user", "content": 5}]}',
            "message 1 of the prompt has the content 5",
        ),
        ('{"prompt": [{"role": "user", "content": "a", "name": "Ada"}]}', "has name, which a"),
        (
            '{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls":'
            ' [{"id": "1"}], "content": null}]}',
            "message 2 of the prompt has tool_calls, which",
        ),
        (
            '{"prompt": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}',
            "message 1 of the prompt has content of type image_url",
        ),
        (
            '{"prompt": [{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [],'
            ' "content": null}]}',
            "message 2 of the prompt has no content",
        ),
        (
            '{"prompt": [{"role": "user", "content": "a", "refusal": "no", "audio": null}]}',
            "message 1 of the prompt has refusal, which",
        ),
        (
            '{"prompt": [{"role": "user", "content": [{"type": null, "text": null}]}]}',
            "has content of the form {'type': None, 'text': None}, without a text",
        ),
        (
            '{"prompt": [{"role": "user", "content": [{"type": "text", "text": "What is it?",'
            ' "image_url": {"url": "x"}, "file": 0}]}]}',
            "message 1 of the prompt has content with image_url, file beside its text",
        ),
        ('{"prompt": [{"role": "assistant", "content": "b"}]}', "ends with the user's"),
        ('{"prompt": "b", "id": 1.5}', "the id 1.5"),
        ('{"prompt": "b", "id": "x"}', "also that of"),
        ('{"prompt": "b", "reference": 3}', "reference is 3"),
        ('{"prompt": "b", "documents": ["d"]}', "documents is not a list"),
    ],
)
def test_a_bad_line_is_named_with_its_number(tmp_path, row, complaint):
    path = written(tmp_path, {"prompt": "first", "id": "x"}, "", row)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert f"{path}:3: " in str(caught.value)
    assert complaint in str(caught.value)


# What Arrow and chat services write for a key that a message does not have.
NOTHING = [None, [], {}, "", {"name": None, "arguments": ""}, [None, {"url": []}]]


@pytest.mark.parametrize("nothing", NOTHING, ids=str)
@pytest.mark.parametrize("key", ["tool_calls", "function_call", "audio", "refusal", "name"])
def test_a_key_of_a_message_that_says_nothing_is_absent(tmp_path, key, nothing):
    plain = {"role": "user", "content": "What is ice?"}
    filled = {**plain, key: nothing}
    [with_key] = read(written(tmp_path, {"prompt": [filled]}))
    [without] = read(written(tmp_path, {"prompt": [plain]}))
    assert with_key == without  # also the id, which is a hash of the content


@pytest.mark.parametrize("nothing", NOTHING, ids=str)
def test_a_key_of_a_part_that_says_nothing_is_absent(tmp_path, nothing):
    part = {"type": None, "text": "What is ice?", "image_url": nothing}
    [prompt] = read(written(tmp_path, {"prompt": [{"role": "user", "content": [part]}]}))
    assert prompt.messages == [{"role": "user", "content": "What is ice?"}]


def test_a_table_of_messages_is_read_where_arrow_has_filled_in_nulls(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    call = {"name": "look_up", "arguments": "{}"}
    user = {"role": "user", "content": "What is ice?"}
    rows = [{"prompt": [user]}, {"prompt": [{**user, "function_call": call, "tool_calls": [call]}]}]
    table = pa.Table.from_pylist(rows)
    pq.write_table(table, tmp_path / "both.parquet")
    with pytest.raises(UsageError, match=r"both\.parquet:2: message 1 .* has function_call"):
        read(tmp_path / "both.parquet")
    pq.write_table(table.slice(0, 1), tmp_path / "plain.parquet")
    [prompt] = read(tmp_path / "plain.parquet")
    assert prompt.messages == [user]


def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'{"prompt": "a"}\n{"prompt": "\xff"}\n')
    with pytest.raises(UsageError, match=r"prompts.jsonl:2: not UTF-8"):
        read(path)


@pytest.mark.parametrize("name", ["prompts.csv", "prompts.parquet"])
def test_a_file_of_another_format_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match=name):
        read(written(tmp_path, "prompt", name=name))


def test_an_empty_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there are no prompts"):
        read(written(tmp_path, ""))


def sources(texts):
    return [SourcePrompt(Prompt(id=text, text=text), text) for text in texts]


texts = st.sets(st.text("abcd", min_size=1, max_size=6), min_size=40, max_size=80)


def sides(texts, **options):
    config = PromptsConfig(path="p", heldout_fraction=0.4, **options)
    return split_prompts(sources(texts), config, rounds=1)


@settings(max_examples=100, deadline=None)
@given(texts, st.text("efgh", min_size=1, max_size=6))
def test_adding_a_prompt_moves_no_other(texts, new):
    before, after = sides(sorted(texts)), sides([new, *sorted(texts)])
    for old, now in zip(
        [before.rounds[0], before.heldout], [after.rounds[0], after.heldout], strict=True
    ):
        assert [prompt for prompt in now if prompt.id != new] == old


@settings(max_examples=100, deadline=None)
@given(texts, st.integers(1, 4), st.one_of(st.none(), st.integers(1, 5)))
def test_rounds_and_the_heldout_side_are_disjoint_and_all_prompts_are_used_without_limits(
    texts, rounds, limit
):
    config = PromptsConfig(path="p", heldout_fraction=0.4, train_limit=limit)
    try:
        split = split_prompts(sources(sorted(texts)), config, rounds)
    except UsageError:
        return  # too few on one side, by chance
    ids = [prompt.id for part in [*split.rounds, split.heldout] for prompt in part]
    assert len(ids) == len(set(ids))
    if limit is None:
        assert set(ids) == texts
    else:
        assert all(len(part) <= limit for part in split.rounds)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.text("abcd", max_size=3), st.text("xyz", min_size=1, max_size=4)),
        min_size=40,
        max_size=80,
        unique=True,
    ),
)
def test_prompts_of_a_group_are_on_one_side_which_only_the_group_decides(pairs):
    config = PromptsConfig(path="p", heldout_fraction=0.4, dev_fraction=0.2, split_by="title")
    given_prompts = [
        SourcePrompt(Prompt(id=f"{group}/{own}", text=own), own, group) for group, own in pairs
    ]
    try:
        split = split_prompts(given_prompts, config, 2)
    except UsageError:
        return  # too few on one side, by chance
    expected = {
        group: 0 if position(group, "heldout") < 0.4 else 2 - (position(group, "heldout") >= 0.8)
        for group, _ in pairs
    }
    parts = (split.heldout, split.dev, [prompt for part in split.rounds for prompt in part])
    found = [sorted(prompt.id for prompt in part) for part in parts]
    assert found == [
        sorted(f"{group}/{own}" for group, own in pairs if expected[group] == side)
        for side in range(3)
    ]


def test_the_column_that_splits_is_read_from_the_rows_and_must_be_there(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_text('{"prompt": "a", "title": "T"}\n{"prompt": "b", "title": 7}\n')
    config = PromptsConfig(path=path, split_by="title")
    assert [source.group for source in read_prompts(path, config)] == ["T", "7"]
    path.write_text('{"prompt": "a", "title": "T"}\n{"prompt": "b"}\n')
    with pytest.raises(UsageError, match=r"prompts.jsonl:2: no title"):
        read_prompts(path, config)


def test_a_limit_takes_the_prompts_of_the_lowest_hashes_so_a_larger_one_only_adds():
    names = [f"prompt {i}" for i in range(200)]
    small = sides(names, train_limit=10, heldout_limit=5)
    large = sides(names, train_limit=20, heldout_limit=50)
    assert large.rounds[0][:10] == small.rounds[0]
    assert large.heldout[:5] == small.heldout
    places = [position(prompt.id, "heldout") for prompt in large.heldout]
    assert places == sorted(places)
    assert max(places) < 0.4


@settings(max_examples=100, deadline=None)
@given(
    texts,
    st.integers(0, 90).map(lambda percent: percent / 100),
    st.one_of(st.none(), st.integers(1, 5)),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_development_prompts_are_those_of_the_highest_hashes(texts, fraction, limit, train_limit):
    def place(text):  # recomputed from the definition
        digest = blake2b(f"heldout\0{text}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> 11) / 2**53

    low = 0.08
    limits = {"train_limit": train_limit, "dev_limit": limit if fraction else None}
    config = PromptsConfig(path="p", heldout_fraction=low, dev_fraction=fraction or None, **limits)
    by_place = sorted(texts, key=place)
    heldout = [text for text in by_place if place(text) < low]
    dev = [text for text in by_place[::-1] if fraction and place(text) >= 1 - fraction]
    train = [text for text in by_place if text not in heldout and text not in dev]
    if not heldout or not train or (fraction and not dev):
        with pytest.raises(UsageError, match="prompts are left"):
            split_prompts(sources(sorted(texts)), config, 1)
        return
    split = split_prompts(sources(sorted(texts)), config, 1)
    found = [[prompt.id for prompt in part] for part in (split.heldout, split.dev, *split.rounds)]
    assert found == [heldout, dev[: limits["dev_limit"]], train[:train_limit]]


def test_development_prompts_change_neither_the_held_out_ones_nor_the_first_to_train_on():
    names = [f"prompt {i}" for i in range(200)]
    before = sides(names, train_limit=50)
    after = sides(names, train_limit=50, dev_fraction=0.2)
    assert (after.heldout, after.rounds) == (before.heldout, before.rounds)
    assert before.dev == [] and 20 < len(after.dev) < 60
    # What choices have seen never becomes held out, however large the held-out side grows.
    config = PromptsConfig(path="p", heldout_fraction=0.7, dev_fraction=0.2)
    larger = split_prompts(sources(names), config, 1)
    assert larger.dev == after.dev
    assert {prompt.id for prompt in larger.heldout} >= {prompt.id for prompt in after.heldout}


def test_the_split_does_not_depend_on_template_or_ids_but_on_the_salt(tmp_path):
    rows = [{"prompt": f"prompt {i}"} for i in range(300)]

    def heldout(rows, **options):
        path = written(tmp_path, *rows)
        config = PromptsConfig(path=path, heldout_fraction=0.3, **options)
        split = split_prompts(read_prompts(path, config), config, 1)
        return {prompt.messages[-1]["content"].split(":")[-1] for prompt in split.heldout}

    base = heldout(rows)
    assert heldout(rows, template="Q:{prompt}", system="s") == base
    assert heldout([{**row, "id": i} for i, row in enumerate(rows)]) == base
    assert heldout(rows, salt="other") != base
    assert 60 <= len(base) <= 120  # 90 expected; 4 standard deviations


@pytest.mark.parametrize(
    ("names", "options", "complaint"),
    [
        (["a"], {"heldout_fraction": 1e-9}, "no held-out prompts are left"),
        (["a"], {"heldout_fraction": 0.999999}, "no training prompts are left for round 1"),
        (
            [f"p{i}" for i in range(50)],
            {"train_limit": 50},
            "no training prompts are left for round 2",
        ),
        (["a", "b", "c", "d"], {"heldout_fraction": 0.5, "dev_fraction": 1e-9}, "no development"),
    ],
)
def test_no_prompts_left_says_what_to_change(names, options, complaint):
    with pytest.raises(UsageError, match=complaint):
        split_prompts(sources(names), PromptsConfig(path="p", **options), rounds=2)


def test_parts_of_text_are_joined_and_keys_that_are_null_are_as_if_absent(tmp_path):
    parts = [{"type": "text", "text": "What is ", "image": None}, {"text": "ice?"}]
    message = {"role": "user", "content": parts, "tool_calls": None, "name": None}
    path = written(tmp_path, {"prompt": [message], "id": "x"})
    [prompt] = read(path)
    assert prompt.messages == [{"role": "user", "content": "What is ice?"}]
