"""Training: a child process (`run` starts it, `worker` is it) with a session, which has a trainer.

`session` is what every training has; `dpo_session` trains by DPO, `absorb` by continued
pre-training.
"""
