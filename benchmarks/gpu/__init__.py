"""What needs a GPU, in resumable calls of minutes: `python -m benchmarks.gpu --help`.

`__main__`, `call`, `steps`, `results` and `table` need nothing but Python, because they install the
rest. `step` is the child that does one step; the modules that it imports are the steps.
"""
