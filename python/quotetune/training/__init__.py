"""Training in a child process: `run` starts the process, and `worker` is its program.

The worker runs a session, which has a trainer of TRL. `session` is common to all trainings;
`dpo_session` trains by DPO, and `absorb` by continued pre-training.
"""
