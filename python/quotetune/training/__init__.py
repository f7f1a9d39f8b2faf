"""Training: a child process (`run` starts it, `worker` is it) with a session, which has a trainer.

`session` is what every training has, `dpo_session` the one by DPO; that of `quotetune.absorb` is
by continued pre-training. `options` checks what a config says to TRL and PEFT.
"""
