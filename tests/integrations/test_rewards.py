"""QUIP as a reward for TRL's trainers, and as columns of a dataset."""

import math
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_run
from quotetune import Index, QuipReward, QuipScorer, QuotetuneError, UsageError, build_index

CORPUS = ["abcab cab", "bca bcc cba"]
TEXTS = st.lists(st.text(alphabet="abc ", max_size=30), max_size=4)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    # A filter may have false positives.
    path = tmp_path_factory.mktemp("rewards") / "index"
    return build_index(CORPUS, path, n=3, structures=["suffix"])


def naive_reward(text: str, min_chars: int, max_chars: int, buffer: int) -> float:
    """The documented formula, step by step."""
    normalised = " ".join(text.split())
    grams = [normalised[i : i + 3] for i in range(len(normalised) - 2)]
    if not grams:
        return 0.0
    quip = sum(any(gram in document for document in CORPUS) for gram in grams) / len(grams)
    brevity = min(1.0, math.exp(1 - min_chars / len(text)))
    excess = min(1.0, max(0.0, 1 - (len(text) - max_chars) / buffer))
    repetition = 1 - len(set(grams)) / len(grams)
    return quip * brevity * excess * (1 - repetition)


@given(TEXTS)
def test_the_reward_is_the_documented_formula(index: Index, texts: list[str]) -> None:
    reward = QuipReward(index, min_chars=8, max_chars=15, buffer_chars=10)
    assert reward(texts) == pytest.approx([naive_reward(text, 8, 15, 10) for text in texts])


def test_a_response_gains_nothing_from_repeating_its_quote(index: Index) -> None:
    quote = "bca bcc cba"
    once, often = QuipReward(index)([quote, f"{quote} " * 8])
    assert once == 1.0 and often < 0.2
    assert QuipReward(index, repetition=False)([f"{quote} " * 8])[0] > 0.9


def test_messages_of_the_assistant_are_its_response(index: Index) -> None:
    reward = QuipReward(index)
    plain = ["abcab xyz", "bca", ""]
    chats = [[{"role": "assistant", "content": text}] for text in plain]
    assert reward(chats) == reward(plain)
    call = [{"role": "assistant", "content": None}, {"role": "tool", "content": "abcab"}]
    assert reward([call]) == [0.0]
    parts = [{"role": "assistant", "content": [{"type": "text", "text": plain[0]}]}]
    assert QuipReward(index)([parts]) == QuipReward(index)(plain[:1])
    picture = [{"role": "assistant", "content": [{"type": "image"}]}]
    with pytest.raises(UsageError, match="a completion has content of type image"):
        QuipReward(index)([picture])


def test_only_the_prompt_s_own_documents_count_if_there_is_a_column_of_them(index: Index) -> None:
    reward = QuipReward(index, documents="documents", repetition=False)
    own = [[("documents", "0")], [{"source": "documents", "id": "1"}], [], None]
    texts = ["abcab cab"] * 4
    assert reward(texts, documents=own) == pytest.approx([1.0, 1 / 7, 0.0, 0.0])
    with pytest.raises(UsageError, match="no column 'documents'"):
        reward(texts)


def test_it_pickles_and_has_the_name_that_trainers_log(index: Index) -> None:
    reward = QuipReward(index, min_chars=5)
    again = pickle.loads(pickle.dumps(reward))
    assert again.__name__ == reward.__name__ == "quip_reward"
    assert again(["abcab"], prompts=["x"], trainer_state=None) == reward(["abcab"])
    assert again.min_chars == 5


def test_invalid_settings_are_refused(index: Index, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="min_chars is -1: choose 0 or more"):
        QuipReward(index, min_chars=-1)
    with pytest.raises(QuotetuneError, match="no index"):
        QuipReward(tmp_path / "nowhere")


def test_a_dataset_is_scored_in_batches(index: Index) -> None:
    import datasets

    texts = ["abcab cab", "ab", "xyzxyz", "bca abc"]
    scored = datasets.Dataset.from_dict({"answer": texts}).map(
        QuipScorer(index, "answer"), batched=True, batch_size=3
    )
    for row, report in zip(scored, index.score(texts), strict=True):
        assert row["quip"] == report.quip_25_beta
        assert row["longest_quote"] == report.longest_quote
        assert row["covered"] == sum(end - start for start, end in report.covered)
    with pytest.raises(UsageError, match="no column 'text'"):
        QuipScorer(index)({"answer": texts})


def test_datasets_reuses_the_scores_of_an_index_but_not_those_of_a_changed_one(
    tmp_path: Path,
) -> None:
    import datasets

    texts = datasets.Dataset.from_dict({"text": ["abcab cab"]})

    def fingerprint() -> str:
        return str(texts.map(QuipScorer(tmp_path / "index"), batched=True)._fingerprint)

    build_index(CORPUS, tmp_path / "index", n=3)
    before = fingerprint()
    assert fingerprint() == before
    build_index([*CORPUS, "more"], tmp_path / "index", n=3, overwrite=True)
    assert fingerprint() != before


def test_grpo_raises_the_reward_of_a_random_model(tmp_path: Path, monkeypatch) -> None:
    # TRL would import vLLM, which takes half a minute, though nothing here generates with it.
    monkeypatch.setitem(sys.modules, "vllm", None)
    import trl
    from datasets import Dataset

    from tiny_model import save_tiny_model

    tiny_run.write_corpus(tmp_path / "index")
    model = save_tiny_model(tmp_path / "model")
    prompts = [[{"role": "user", "content": f"What is {i}?"}] for i in range(8)]
    options = trl.GRPOConfig(
        output_dir=str(tmp_path / "out"),
        max_steps=30,
        learning_rate=3e-3,
        lr_scheduler_type="constant",
        per_device_train_batch_size=16,
        num_generations=16,
        max_completion_length=16,
        logging_steps=1,
        beta=0.0,
        bf16=False,
        gradient_checkpointing=False,
        save_strategy="no",
        disable_tqdm=True,
        seed=0,
    )
    trainer = trl.GRPOTrainer(
        model=str(model),
        reward_funcs=QuipReward(tmp_path / "index", min_chars=12),
        args=options,
        train_dataset=Dataset.from_dict({"prompt": prompts}),
    )
    trainer.train()
    history = [row["rewards/quip_reward/mean"] for row in trainer.state.log_history[:30]]
    assert len(history) == 30
    assert np.mean(history[-5:]) > np.mean(history[:5]) + 0.1


def test_trl_s_command_knows_every_key_of_the_example_config(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    import trl.scripts.grpo as grpo

    configs = Path(__file__).parents[2] / "configs"
    arguments = ["--config", str(configs / "grpo-quip.yaml")]
    script, training, model, datasets = grpo.make_parser().parse_args_and_config(arguments)
    assert datasets.datasets[0].columns == ["prompt"]
    assert model.lora_target_modules == "all-linear"
    # TRL requires whole groups in a step.
    step = training.per_device_train_batch_size * training.gradient_accumulation_steps
    assert step % training.num_generations == 0
    assert script.reward_funcs == ["configs.grpo_quip.quip_reward"]
    assert "\nquip_reward = QuipReward(" in (configs / "grpo_quip.py").read_text()


def test_thoughts_are_not_rewarded(index: Index) -> None:
    reward = QuipReward(index, reasoning=("<t>", "</t>"))
    quoted, other = "abcab", "zzzzzzzz"
    answers = [quoted, other, quoted]
    texts = [f"<t>{other}</t>\n{quoted}", f"<t>{quoted}</t> {other}", f"{other}</t>{quoted}"]
    assert reward(texts) == QuipReward(index)(answers)
    # The chat template may have opened thoughts that never ended.
    assert reward([f"<t>{quoted}", quoted, ""]) == [0.0, 0.0, 0.0]
    assert pickle.loads(pickle.dumps(reward))(texts) == reward(texts)
    old = pickle.loads(pickle.dumps(QuipReward(index)))
    del old.__dict__["reasoning"]  # as it was pickled before there were marks
    assert old(texts) == QuipReward(index)(texts)


@pytest.mark.parametrize("marks", ["ab", ("<t>",), ("a", "b", "c"), (), ("a", 1), {"a", "b"}, 3])
def test_marks_of_thoughts_are_two_texts(index, marks):
    with pytest.raises(UsageError, match=r"^reasoning is .*, not two texts: give two different"):
        QuipReward(index, reasoning=marks)


def test_the_marks_of_thoughts_are_not_empty_and_differ(index):
    for marks, problem in (
        (("", "x"), "a mark of thoughts is empty"),
        (("x", ""), "a mark of thoughts is empty"),
        (("<t>", "<t>"), "both marks of thoughts are '<t>'"),
    ):
        with pytest.raises(UsageError, match=f"^reasoning: {problem}: give two different marks"):
            QuipReward(index, reasoning=marks)
    assert QuipReward(index, reasoning=["<t>", "</t>"]).reasoning is not None  # as YAML has it
