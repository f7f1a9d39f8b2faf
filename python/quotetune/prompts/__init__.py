"""Prompts: read them, split them, ground them in passages, and turn them into tokens."""

from quotetune.prompts.prompt import Prompt, load_prompts, write_prompts

__all__ = ["Prompt", "load_prompts", "write_prompts"]
