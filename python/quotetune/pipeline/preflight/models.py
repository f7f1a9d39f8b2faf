"""Check that the models and the packages that a config names are there."""

import importlib.util
from pathlib import Path

from quotetune.config import Config, ModelConfig
from quotetune.config.absorb import is_whole
from quotetune.config.preference import PreferenceConfig
from quotetune.config.problem import Problem
from quotetune.errors import UsageError
from quotetune.metrics.criteria import CRITERIA
from quotetune.metrics.table import ON_DEMAND
from quotetune.models.chat_template import read_chat_template, tokenizer_settings
from quotetune.models.files import has_weights, model_problem
from quotetune.models.json_files import read_mapping, text_settings
from quotetune.models.quantization import quantization_problem
from quotetune.pairing.ranking_config import RankingConfig
from quotetune.pipeline.preflight.cluster import on_ray
from quotetune.sampling.run import is_unsampled


def model_problems(config: Config) -> list[Problem]:
    """Look for all models and optional packages of a config, without asking the Hub."""
    evaluation = config.evaluation
    problems = _model_problems("model.path", config.model) + _quantization_problems(config)
    problems += _quantized_judge_problems(config)
    if distributed := list(on_ray(config)):
        problems += _package_problems(f"{distributed[0]}.executor: ray", "ray", "ray", "ray")
    for name in ON_DEMAND:
        model = getattr(evaluation, name)
        if isinstance(model, ModelConfig):
            problems += _model_problems(f"evaluation.{name}.path", model)
    if evaluation.mauve is not None:
        problems += _package_problems("evaluation.mauve", "mauve", "mauve-text", "measures")
        featurizer = ModelConfig(path=evaluation.mauve.featurizer)
        problems += _model_problems("evaluation.mauve.featurizer", featurizer)
    if evaluation.lm_eval is not None:
        problems += _package_problems("evaluation.lm_eval", "lm_eval", "lm-eval", "lm-eval")
        tasks = evaluation.lm_eval.include_path
        if tasks is not None and not tasks.is_dir():
            key = "evaluation.lm_eval.include_path"
            text = f"{tasks} does not exist: put a directory of task files there, or leave it out"
            problems.append(Problem(key, text, to_provide=True))
    for key, model in further_models(RankingConfig.of_run(config)).items():
        problems += _model_problems(key, model)
    return problems


def _model_problems(key: str, model: ModelConfig) -> list[Problem]:
    text = model_problem(model)
    found = quantization_problem(model)
    quantized = [] if found is None else [Problem(key.replace("path", "quantization"), found)]
    directory = Path(model.path)
    if text is None and directory.is_dir() and not has_weights(directory):
        text = (
            f"{directory} has no weights in safetensors: save the model with transformers'"
            " save_pretrained, or correct the path"
        )
    if text is None and directory.is_dir():
        text = _damaged(directory)
    if text is None:
        return quantized
    return [*quantized, Problem(key, text, to_provide=not Path(model.path).exists())]


def _quantization_problems(config: Config) -> list[Problem]:
    """Return what does not work with a base model in 4 bits."""
    name = config.model.quantization
    if name is None:
        return []
    problems = []
    if config.evaluation.lm_eval is not None:
        text = f"loads models itself, and none in {name}: leave it out"
        problems.append(Problem("evaluation.lm_eval", text))
    if config.lora is None:
        text = f"is null, but weights in {name} cannot be trained: set lora, or model.quantization"
        problems.append(Problem("lora", f"{text} to null"))
    if config.absorb is not None and is_whole(config.absorb, config.lora):
        text = f"its result would be merged into weights in {name}: set it to same"
        problems.append(Problem("absorb.lora", text))
    for key, sampling in (
        ("sampling.backend", config.sampling),
        ("evaluation.sampling.backend", config.evaluation_sampling),
    ):
        if is_unsampled(config.model, sampling):
            text = f"is vllm, which does not sample from a base model in {name}"
            problems.append(Problem(key, f"{text}: set sampling.backend to transformers"))
            break
    return problems


def _quantized_judge_problems(config: Config) -> list[Problem]:
    judge = None if config.preference is None else config.preference.judge
    if judge is None or not is_unsampled(judge.model, judge.all_sampling):
        return []
    text = f"is vllm, which does not sample from a model in {judge.model.quantization}"
    return [Problem("preference.judge.sampling.backend", f"{text}: set it to transformers")]


def _damaged(directory: Path) -> str | None:
    """Return the problem of a file beside the weights that `transformers` does not read."""
    try:
        text_settings(directory)
        read_mapping(directory / "generation_config.json")
        tokenizer_settings(directory)
        read_chat_template(directory)
    except UsageError as error:
        return str(error)
    return None


def _package_problems(key: str, module: str, package: str, extra: str) -> list[Problem]:
    if importlib.util.find_spec(module) is not None:
        return []
    text = f"{package} is not installed: install quotetune[{extra}], or leave {key} out"
    return [Problem(key, text, to_provide=True)]


def further_models(ranking: RankingConfig) -> dict[str, ModelConfig]:
    """Return the models that are needed besides the base model, by the key that names them."""
    found = {}
    for name in CRITERIA:
        model = ranking.model_of(name) if name in ranking.measures else None
        if model is not None and model != ranking.model:
            named = _names_a_model(ranking.preference, name)
            block = "preference" if named else "pairs.constraints"
            found[f"{block}.{name}.model.path"] = model
    if ranking.preference is not None and ranking.preference.judge is not None:
        found["preference.judge.model.path"] = ranking.preference.judge.model
    return found


def _names_a_model(preference: PreferenceConfig | None, name: str) -> bool:
    criterion = getattr(preference, name, None)
    return criterion is not None and criterion.model is not None
