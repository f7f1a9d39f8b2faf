"""The trainer sees exactly the tokens that were sampled."""

import json

import pytest
import torch

from quotetune.errors import QuotetuneError
from quotetune.training.dpo_session import DpoSession
from quotetune.training.length_grouping import LengthGroupedOrder
from tiny_model import tiny_tokenizer
from training_data import random_rows, write_pairs


@pytest.fixture
def make_session(tmp_path, model):
    def make(rows, events=None, **dpo):
        policy = {"path": str(model)}
        job = {
            "pairs": str(write_pairs(tmp_path / "pairs.parquet", rows)),
            "model": policy,
            "base": policy,
            "adapter": None,
            "reference": "previous",
            "lora": {"r": 2},
            "dpo": dpo,
            "seed": 0,
        }
        return DpoSession(job, tmp_path / "work", ([] if events is None else events).append)

    return make


def _sides(session):
    """The (prompt, chosen, rejected) of every pair in the trainer's batches, without padding."""
    for batch in session.trainer.get_train_dataloader():
        rows = zip(
            batch["input_ids"].tolist(),
            batch["attention_mask"].tolist(),
            batch["completion_mask"].tolist(),
            strict=True,
        )
        sides = []
        for ids, attention, completion in rows:
            real = sum(attention)
            first = completion.index(1)
            sides.append((tuple(ids[:first]), tuple(ids[first:real])))
        half = len(sides) // 2
        for chosen, rejected in zip(sides[:half], sides[half:], strict=True):
            assert chosen[0] == rejected[0]
            yield (*chosen, rejected[1])


def _tokens(row):
    names = ("prompt_token_ids", "chosen_token_ids", "rejected_token_ids")
    return tuple(tuple(row[name]) for name in names)


def test_batches_hold_exactly_the_sampled_tokens(make_session):
    rows = random_rows(30)
    end = tiny_tokenizer().eos_token_id
    cut = sum(
        row[f"{side}_token_ids"][-1] != end for row in rows for side in ("chosen", "rejected")
    )
    assert 0 < cut < 60
    session = make_session(rows, per_device_train_batch_size=4)
    assert sorted(_sides(session)) == sorted(_tokens(row) for row in rows)


def test_pairs_whose_prompt_fills_max_length_are_left_out_and_counted(make_session):
    rows = random_rows(20)
    limit = 9
    fitting = [row for row in rows if len(row["prompt_token_ids"]) < limit]
    truncated = sum(
        len(row["prompt_token_ids"])
        + max(len(row["chosen_token_ids"]), len(row["rejected_token_ids"]))
        > limit
        for row in fitting
    )
    events = []
    session = make_session(rows, events, max_length=limit)
    notices = [event["notice"] for event in events if "notice" in event]
    assert len(notices) == 2
    assert notices[0].startswith(f"{20 - len(fitting)} of 20 pairs left out")
    assert notices[1].startswith(f"{truncated} of {len(fitting)} pairs truncated")
    seen = sorted(_sides(session))
    assert seen == sorted(
        (p, c[: limit - len(p)], r[: limit - len(p)]) for p, c, r in map(_tokens, fitting)
    )


def test_pairs_that_fit_give_no_notice(make_session):
    events = []
    make_session(random_rows(5), events)
    assert not any("notice" in event for event in events)


def test_no_pair_that_fits_is_an_error_that_names_max_length(make_session):
    with pytest.raises(QuotetuneError, match=r"every prompt fills dpo\.max_length, 2 tokens"):
        make_session(random_rows(5), max_length=2)


def test_no_pair_at_all_is_an_error_that_names_the_remedies(make_session):
    with pytest.raises(QuotetuneError, match=r"no pair to train on: lower pairs\.delta_quip"):
        make_session([])


def test_the_reference_log_probs_are_sums_over_completion_tokens(make_session, model):
    from transformers import AutoModelForCausalLM

    rows = random_rows(6)
    session = make_session(rows, bf16=False)  # the default of processors with fast bf16 products
    model = AutoModelForCausalLM.from_pretrained(model)
    for row, taken in zip(rows, session.trainer.train_dataset, strict=True):
        for side in ("chosen", "rejected"):
            prompt, completion = row["prompt_token_ids"], row[f"{side}_token_ids"]
            ids = torch.tensor([prompt + completion])
            with torch.no_grad():
                scores = model(input_ids=ids).logits.log_softmax(-1)[0]
            expected = sum(
                scores[len(prompt) + i - 1, token].item() for i, token in enumerate(completion)
            )
            assert taken[f"ref_{side}_logps"] == pytest.approx(expected, abs=1e-3)


def test_the_length_grouped_order_is_a_permutation_that_depends_on_epoch_and_seed():
    lengths = [(7 * i) % 53 for i in range(101)]
    order = LengthGroupedOrder(lengths, 4, seed=1)
    first = list(order)
    assert sorted(first) == list(range(101))
    assert list(order) == first
    order.set_epoch(1)
    assert list(order) != first
    assert list(LengthGroupedOrder(lengths, 4, seed=2)) != first


def test_the_length_grouped_order_wastes_less_on_padding_and_does_not_drift():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(50, 200, (1000,), generator=generator).tolist()

    def padded(order):
        return sum(4 * max(lengths[i] for i in order[k : k + 4]) for k in range(0, 1000, 4))

    order = list(LengthGroupedOrder(lengths, 4, seed=0))
    assert padded(order) < 1.06 * sum(lengths) < padded(range(1000))
    halves = [sum(lengths[i] for i in half) for half in (order[:500], order[500:])]
    assert halves[0] == pytest.approx(halves[1], rel=0.05)


def test_yaml_numbers_and_machine_defaults_reach_the_trainer(make_session):
    session = make_session(random_rows(4), learning_rate="2e-4")
    arguments = session.trainer.args
    assert arguments.learning_rate == 2e-4
    assert arguments.precompute_ref_log_probs
    json.dumps(session.record())
