"""Draw the responses of an arm into its own directory; a later call completes it."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.arms import INFINITY_GRAM, Arm
from evidence.infinity_gram_index import INDEX_VARIABLE, WEIGHT_VARIABLE, build_token_index
from evidence.sampled import sampled
from quotetune import Index, build_index
from quotetune.config import Config
from quotetune.config.prompts import ContextConfig
from quotetune.models.tokenizer import load_tokenizer
from quotetune.prompts.prompt import Prompt
from quotetune.prompts.split import grounded, read_sources, split_prompts
from quotetune.runtime.whole_files import write_json
from quotetune.sampling.run import Progress

PASSAGE = ContextConfig(source="bm25", passages=1, max_chars=600)


@dataclass(frozen=True)
class Drawn:
    """What an arm gave.

    Attributes:
        samples: The samples, as `read_samples` returns them.
        tokens_per_second: Their speed, without the start of the engine; None if it is not known,
            because the call that drew the last of them was killed.
    """

    samples: Any
    tokens_per_second: float | None


@dataclass(frozen=True)
class Campaign:
    """What all arms have in common.

    Attributes:
        config: The config of the run whose base model and index are used.
        adapter: The tuned policy.
        prompts: The number of held-out prompts.
        n: Responses per prompt.
        work: Directory of the samples and of the indexes that arms need.
    """

    config: Config
    adapter: Path
    prompts: int
    n: int
    work: Path

    def heldout(self, *, passage: bool = False) -> list[Prompt]:
        """Return the held-out prompts, with a passage in each if the arm has one."""
        settings = self.config.prompts.model_copy(update={"heldout_limit": self.prompts})
        sources = read_sources(settings, self.config.model, self.config.sampling.max_tokens)
        prompts = split_prompts(sources, settings, self.config.rounds).heldout
        if passage:
            settings = settings.model_copy(update={"context": PASSAGE})
            [prompts] = grounded([prompts], sources, settings, self.config.index)
        return prompts


def draw(
    arm: Arm, campaign: Campaign, max_tokens: int, report: Callable[[Progress], None]
) -> Drawn:
    """Draw an arm, as far as its samples are not there.

    Args:
        arm: The arm.
        campaign: What all arms have in common.
        max_tokens: Most tokens of a response.
        report: Called now and then.

    Returns:
        Its samples and their speed.
    """
    config = campaign.config
    prompts = campaign.heldout(passage=arm.passage)
    changes = {"n": campaign.n, "max_tokens": max_tokens, **arm.sampling}
    if arm.weight is not None:
        changes["engine"] = {"logits_processors": [INFINITY_GRAM]}
        os.environ[INDEX_VARIABLE] = str(_token_index(campaign))
        os.environ[WEIGHT_VARIABLE] = str(arm.weight)
    place = campaign.work / str(max_tokens) / arm.name.replace(" ", "-").replace(":", "")
    speed = place / "speed.json"

    def progress(now: Progress) -> None:
        report(now)
        if now.tokens and now.done == now.parts:
            write_json(speed, now.tokens_per_second)

    index = None
    if arm.corpus == "without own articles":
        left_out = campaign.work / f"without-{len(prompts)}-own-articles"
        index = _without(config.index, prompts, left_out)
    samples = sampled(
        config,
        prompts,
        place,
        changes,
        adapter=campaign.adapter if arm.tuned else config.model.adapter,
        index=index,
        progress=progress,
    )
    known = float(json.loads(speed.read_text("utf-8"))) if speed.exists() else None
    return Drawn(samples, known)


def _without(index: Path, prompts: Sequence[Prompt], place: Path) -> Path:
    """Index the corpus without the documents of the prompts, unless that was done before."""
    if not place.exists():
        own = {document for prompt in prompts for document in prompt.documents or ()}
        opened = Index.open(index)
        rest = (one for one in opened.documents() if (one.source, one.id) not in own)
        build_index(rest, place, n=opened.n, structures=["suffix"])
    return place


def _token_index(campaign: Campaign) -> Path:
    place = campaign.work / "tokens"
    if not place.exists():
        documents = (one.text for one in Index.open(campaign.config.index).documents())
        build_token_index(documents, load_tokenizer(campaign.config.model), place)
    return place
