"""The texts that are absorbed: documents, with ids and permutations, and general texts."""

import json
import shutil

import pytest
from datasets import Dataset

from quotetune import Index, build_index
from quotetune.config.absorb import AbsorbConfig, is_whole
from quotetune.corpus.results import Document
from quotetune.errors import QuotetuneError, UsageError
from quotetune.prompts.general_text import read_general_texts
from quotetune.prompts.prompt import Prompt, write_prompts
from quotetune.prompts.sentences import split_sentences
from quotetune.training.absorb.texts import (
    AbsorbText,
    Written,
    collect_texts,
    forms,
    lowest_hashes,
    read_texts,
    write_texts,
)
from quotetune.training.absorb.tokens import tokenized, write_rows
from tiny_model import tiny_tokenizer

TEXT = 'It began in 1990. Dr. Who said: "No." It ended! Did it? Yes, in v1.5 of it.'


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Ten documents; prompts ask for 0 to 3 in training, held-out ones for 3 and 4."""
    directory = tmp_path_factory.mktemp("corpus")
    documents = [Document("s", str(i), f"Text {i} is this. It has an end {i}.") for i in range(10)]
    index = build_index(documents, directory / "index", n=5)

    def prompt(name, *ids):
        return Prompt(name, text=f"{name}?", documents=[("s", str(i)) for i in ids] or None)

    (directory / "prompts").mkdir()
    write_prompts(directory / "prompts" / "round-1.parquet", [prompt("a", 0), prompt("b", 1, 2)])
    write_prompts(directory / "prompts" / "round-2.parquet", [prompt("c", 2, 3), prompt("d")])
    write_prompts(directory / "prompts" / "heldout.parquet", [prompt("e", 3), prompt("f", 4)])
    return index, directory / "prompts"


def collect(corpus, **settings):
    return list(collect_texts(AbsorbConfig(**settings), *corpus, seed=0))


def ids_of(texts):
    return [text.id for text in texts]


def test_the_documents_of_the_prompts_are_read_each_once(corpus):
    texts = collect(corpus)
    assert ids_of(texts) == ["0", "1", "2", "3", "4"]
    assert texts[2].text == "Text 2 is this. It has an end 2."
    assert texts[2].prompt is None


def test_train_prompts_leaves_out_what_a_heldout_prompt_asks_for(corpus):
    assert ids_of(collect(corpus, documents="train_prompts")) == ["0", "1", "2"]


def test_documents_of_development_prompts_are_treated_as_those_of_held_out_ones(corpus, tmp_path):
    index, prompts = corpus
    copy = tmp_path / "prompts"
    shutil.copytree(prompts, copy)
    asked = [Prompt("g", text="g?", documents=[("s", "5"), ("s", "1")])]
    write_prompts(copy / "dev.parquet", asked)
    texts = collect((index, copy), format="prompt_document")
    assert ids_of(texts) == ["0", "1", "2", "3", "4", "5"]
    assert [text.prompt is None for text in texts] == [False] * 4 + [True] * 2
    assert ids_of(collect((index, copy), documents="train_prompts")) == ["0", "2"]


def test_with_a_limit_only_the_chosen_documents_are_read(corpus, monkeypatch):
    every = collect(corpus, documents="all")
    read = []
    document = Index.document
    monkeypatch.setattr(
        Index, "document", lambda self, *name: read.append(name) or document(self, *name)
    )
    monkeypatch.setattr(Index, "documents", lambda self: pytest.fail("all texts were read"))
    texts = collect(corpus, documents="all", limit=4)
    chosen = set(lowest_hashes([(text.source, text.id) for text in every], 4))
    assert texts == [text for text in every if (text.source, text.id) in chosen]
    assert read == [(text.source, text.id) for text in texts]


def test_all_reads_the_corpus_and_a_limit_chooses_by_hash(corpus):
    assert ids_of(collect(corpus, documents="all")) == [str(i) for i in range(10)]
    fewer, more = (set(ids_of(collect(corpus, documents="all", limit=n))) for n in (3, 6))
    assert len(fewer) == 3
    assert fewer < more
    names = [("s", name) for name in map(str, range(10))]
    assert fewer == {name for _, name in lowest_hashes(names[::-1], 3)}


def test_a_training_prompt_comes_before_its_documents_and_a_heldout_one_does_not(corpus):
    texts = collect(corpus, documents="all", format="prompt_document")
    prompts = {text.id: text.prompt and text.prompt["text"] for text in texts}
    asked = {"0": "a?", "1": "b?", "2": "b?", "3": "c?"}
    assert prompts == asked | dict.fromkeys("456789")


def test_both_reads_every_document_alone_and_also_after_its_training_prompt(corpus):
    texts = collect(corpus, format="both", permutations=1)
    alone = [(text.id, text.text) for text in texts if text.prompt is None]
    prompted = [(text.id, text.prompt["text"], text.text) for text in texts if text.prompt]
    plain = collect(corpus, format="document", permutations=1)
    assert alone == [(text.id, text.text) for text in plain]
    documents = {text.id: text.text for text in collect(corpus)}
    assert prompted == [
        (i, f"{asked}?", documents[i]) for i, asked in zip("0123", "abbc", strict=True)
    ]


def test_a_share_of_the_prompts_is_shown_and_a_larger_one_adds_to_it(corpus):
    def shown(share: float) -> set[str]:
        texts = collect(corpus, format="prompt_document", prompt_share=share)
        assert [text.id for text in texts] == ["0", "1", "2", "3", "4"]
        return {text.id for text in texts if text.prompt is not None}

    assert [len(shown(share)) for share in (0.1, 0.25, 0.5, 0.6, 1.0)] == [1, 1, 2, 3, 4]
    assert shown(0.25) < shown(0.5) < shown(1.0) == {"0", "1", "2", "3"}


def test_prompts_without_documents_are_an_error_that_says_what_to_do(tmp_path, corpus):
    for name in ("round-1", "heldout"):
        write_prompts(tmp_path / f"{name}.parquet", [Prompt(name, text="?")])
    with pytest.raises(QuotetuneError, match=r"set absorb\.documents to all"):
        list(collect_texts(AbsorbConfig(), corpus[0], tmp_path, seed=0))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("none", "A b. C d."),
        ("begin", "[7] A b. C d."),
        ("end", "A b. C d. [7]"),
        ("repeat", "A b. [7] C d. [7]"),
    ],
)
def test_the_id_is_where_the_config_says(place, expected):
    document = Document("s", "7", "A b. C d.")
    assert list(forms(document, AbsorbConfig(ids=place), seed=0)) == [expected]


def test_permutations_are_the_same_sentences_in_other_orders():
    document = Document("s", "7", TEXT)
    texts = list(forms(document, AbsorbConfig(permutations=4), seed=0))
    sentences = split_sentences(TEXT)
    assert texts[0] == TEXT
    assert len(set(texts)) == len(texts) == 5
    for text in texts[1:]:
        assert sorted(text) == sorted(TEXT)
        assert all(sentence in text for sentence in sentences)
    assert texts == list(forms(document, AbsorbConfig(permutations=4), seed=0))
    assert texts != list(forms(document, AbsorbConfig(permutations=4), seed=1))


def test_one_sentence_has_no_permutation():
    document = Document("s", "7", "Only this one.")
    assert list(forms(document, AbsorbConfig(permutations=3), seed=0)) == ["Only this one."]


def test_sentences_joined_again_are_the_text():
    assert " ".join(split_sentences(TEXT)) == TEXT
    assert split_sentences("One. Two (2) ends? [Three] is.") == [
        "One.",
        "Two (2) ends?",
        "[Three] is.",
    ]


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0), (0.25, 2), (0.5, 5), (0.9, 6)])
def test_replayed_text_has_its_share_unless_there_is_too_little(corpus, tmp_path, share, expected):
    path = tmp_path / "general.jsonl"
    path.write_text("".join(json.dumps({"text": f"general {i}"}) + "\n" for i in range(6)))
    texts = collect(corpus, replay=path, replay_share=share)
    general = [text for text in texts if text.id is None]
    assert len(general) == expected
    assert len(texts) == 5 + expected


def test_texts_come_back_as_they_were_written(corpus, tmp_path):
    texts = collect(corpus, format="prompt_document", ids="end")
    write_texts(tmp_path / "texts.parquet", texts)
    assert list(read_texts(tmp_path / "texts.parquet")) == texts


def test_texts_are_counted_by_what_they_are(corpus, tmp_path):
    general = tmp_path / "general.jsonl"
    general.write_text('{"text": "one"}\n{"text": "two"}\n')
    settings = {"format": "both", "permutations": 1, "replay": general, "replay_share": 0.1}
    texts = collect(corpus, **settings)
    own = [(text.source, text.id) for text in texts if text.id is not None]
    written = write_texts(tmp_path / "texts.parquet", texts)
    assert (written.documents, written.texts) == (len(set(own)), len(own))
    assert 0 < written.replayed == len(texts) - len(own)
    assert vars(write_texts(tmp_path / "none.parquet", [])) == vars(Written())
    assert list(read_texts(tmp_path / "none.parquet")) == []


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_texts_and_rows_are_the_same_in_batches_of_any_size(corpus, tmp_path, monkeypatch, rows):
    texts = collect(corpus, documents="all", permutations=1)
    monkeypatch.setattr("quotetune.training.absorb.texts._ROWS", rows)
    monkeypatch.setattr("quotetune.training.absorb.tokens._ROWS", rows)
    write_texts(tmp_path / "texts.parquet", texts)
    assert list(read_texts(tmp_path / "texts.parquet")) == texts
    expected = list(tokenized(texts, tiny_tokenizer(), 9))
    write_rows(tmp_path / "tokens.arrow", tokenized(texts, tiny_tokenizer(), 9))
    given = Dataset.from_file(str(tmp_path / "tokens.arrow"))
    assert [(row["input_ids"], row["labels"]) for row in given] == expected


def test_no_document_is_read_before_it_is_learned(corpus, monkeypatch):
    index, prompts = corpus
    read = []

    def documents(_):
        for document in index_documents:
            read.append(document.id)
            yield document

    index_documents = list(index.documents())
    monkeypatch.setattr(Index, "documents", documents)
    texts = collect_texts(AbsorbConfig(documents="all"), index, prompts, seed=0)
    assert next(texts).id == "0"
    assert read == ["0"]


def test_general_text_is_read_from_lines_columns_and_whole_files(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n{"text": " "}\n{"text": "two"}\n')
    (tmp_path / "b.md").write_text("# All\n\nof it\n")
    assert read_general_texts(tmp_path / "a.jsonl") == ["one", "two"]
    assert read_general_texts(tmp_path / "b.md") == ["# All\n\nof it\n"]
    (tmp_path / "c.jsonl").write_text('{"text": "one"}\n{"txt": "two"}\n')
    with pytest.raises(UsageError, match=r"c.jsonl:2: there is no text"):
        read_general_texts(tmp_path / "c.jsonl")
    (tmp_path / "d.txt").write_text(" \n")
    with pytest.raises(UsageError, match="there is no text in it"):
        read_general_texts(tmp_path / "d.txt")


def test_a_prompt_is_not_learned_and_a_long_text_continues_in_another_row():
    tokenizer = tiny_tokenizer()
    prompt = {"text": "ab", "messages": None}
    texts = [AbsorbText("defghi", prompt), AbsorbText("xy")]
    ids, labels = map(list, zip(*tokenized(texts, tokenizer, 6), strict=True))
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    letters = tokenizer("abdefghixy", add_special_tokens=False)["input_ids"]
    a, b, d, e, f, g, h, i, x, y = letters
    assert ids == [
        [begin, a, b, d, e, f],
        [begin, g, h, i, end],
        [begin, x, y, end],
    ]
    assert labels == [
        [-100, -100, -100, d, e, f],
        [-100, g, h, i, end],
        [-100, x, y, end],
    ]


@pytest.mark.parametrize(
    ("absorb", "lora", "whole"),
    [
        ("same", {"r": 8}, False),
        ({"r": 8}, {"r": 8}, False),
        ({"r": 16}, {"r": 8}, True),
        (None, {"r": 8}, True),
        ({"r": 8}, None, True),
        ("same", None, True),
    ],
)
def test_an_adapter_of_other_settings_is_merged_before_the_rounds(absorb, lora, whole):
    assert is_whole(AbsorbConfig(lora=absorb), lora) is whole
