"""The absorb stage: learn the corpus's own documents, in a child process.

This is the first step of source-aware training (Khalifa et al. 2024, section 3): continued
pre-training on the documents, each on its own. `quotetune.training.absorb.texts` chooses them and
their form.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from quotetune.config import ModelConfig
from quotetune.config.open_blocks import lora_problems, sft_problems
from quotetune.errors import UsageError
from quotetune.models.chat_template import may_read_clock
from quotetune.models.files import require_model
from quotetune.runtime.clock import kept_time
from quotetune.runtime.content_hash import content_hash
from quotetune.training.processes import Kind
from quotetune.training.run import TrainingProgress, train_in_child


def run_absorbing(
    texts: Path,
    output: Path,
    *,
    work: Path,
    model: ModelConfig,
    adapter: Path | None = None,
    lora: dict[str, Any] | None,
    merge: bool,
    sft: dict[str, Any],
    seed: int,
    clock: Path,
    launch: Kind | Path | None = None,
    processes: int | None = None,
    progress: Callable[[TrainingProgress], None] | None = None,
    notice: Callable[[str], None] | None = None,
) -> None:
    """Train a model on texts, to predict each token from those before it.

    A call that was interrupted resumes at its last complete checkpoint.

    Args:
        texts: The file that `write_texts` wrote.
        output: The directory of the adapter or the whole model, with tokenizer, model card and the
            record `training.json`. It appears by rename.
        work: Directory of the checkpoints and the log.
        model: The base model.
        adapter: A LoRA adapter of the model, which the training continues with its own settings,
            whatever `lora` says; None makes a new one.
        lora: Keys of `peft.LoraConfig`; None trains all weights.
        merge: Whether the adapter is merged into the model, which is then written as a whole.
        sft: Keys of `trl.SFTConfig`.
        seed: The run's seed.
        clock: The file of the time that the model's chat template reads.
        launch: As for `quotetune.training.run.run_training`.
        processes: As for `quotetune.training.run.run_training`.
        progress: Called at every step.
        notice: Called with notices about the texts.

    Raises:
        UsageError: The model does not exist, or an option is invalid.
        QuotetuneError: The child failed. The message ends with the last line of its log.
    """
    problems = sft_problems(sft) + ([] if lora is None else lora_problems(lora))
    if problems:
        raise UsageError("; ".join(map(str, problems)))
    require_model(model)
    job: dict[str, Any] = {
        "method": "sft",
        "texts": str(texts),
        "texts_hash": content_hash(texts),
        "model": model.model_dump(),
        "base": model.model_dump(),
        "adapter": None if adapter is None else str(adapter),
        "policy_hash": content_hash(adapter or Path(model.path)),
        "lora": lora,
        "merge": merge,
        "sft": sft,
        "seed": seed,
        "output": str(output),
        **({} if adapter is None else {"base_adapter": str(adapter)}),
    }
    if may_read_clock(model):
        job["now"] = kept_time(clock).isoformat()
    train_in_child(
        job,
        output,
        work,
        launch=launch,
        processes=processes,
        progress=progress,
        notice=notice,
    )
