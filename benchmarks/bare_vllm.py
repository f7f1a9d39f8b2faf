"""Bare vLLM on the requests of a sampling: `python -m benchmarks.bare_vllm SAMPLES/job.json`.

It prints the number of generated tokens and the seconds of generation as JSON.
"""

import json
import os
import sys
import time
from pathlib import Path

from quotetune.runtime.cpu import apply_in_child
from quotetune.sampling.parts import read_samples


def main(path: Path) -> None:
    # Any script needs this on a machine that advertises AMX but does not have it.
    apply_in_child()
    import torch

    if not torch.accelerator.is_available():
        # On a CPU, a process of its own makes the engine slower. A GPU gets vLLM's own choice.
        os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm import LLM, SamplingParams
    from vllm.lora.request import LoRARequest

    job = json.loads(path.read_text("utf-8"))
    sampling = job["sampling"]
    samples = read_samples(path.parent).to_pylist()
    requests = [sample for sample in samples if sample["sample"] == 0]
    longest = max(len(request["prompt_token_ids"]) for request in requests)
    adapter = LoRARequest("policy", 1, job["adapter"]) if job["adapter"] else None
    lora = {"enable_lora": True, "max_lora_rank": 16} if adapter else {}
    model = LLM(
        job["model"]["path"],
        dtype=job["model"]["dtype"],
        max_model_len=longest + sampling["max_tokens"],
        **lora,
        **sampling["engine"],
    )
    parameters = [
        SamplingParams(
            n=sampling["n"],
            temperature=sampling["temperature"],
            top_p=sampling["top_p"],
            max_tokens=sampling["max_tokens"],
            seed=request["seed"],
        )
        for request in requests
    ]
    prompts = [{"prompt_token_ids": request["prompt_token_ids"]} for request in requests]
    start = time.monotonic()
    outputs = model.generate(prompts, parameters, use_tqdm=False, lora_request=adapter)
    seconds = time.monotonic() - start
    tokens = sum(len(drawn.token_ids) for output in outputs for drawn in output.outputs)
    print(json.dumps({"amount": tokens, "seconds": seconds}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
