"""
The command line: what a person types and reads.

For: `tutti` and its commands, one file per group of them; texts, tables and exit codes (0 done, 1 the answer is no, 2 wrong use or input).
May not: decide, or talk to the API server other than through `scheduler.kube`. An error is one sentence on standard error.
Next: `app` lists the commands; heavy rooms are imported by the command that needs them, so that `--help` is quick.
"""
