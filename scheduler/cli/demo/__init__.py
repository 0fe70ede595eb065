"""
`tutti demo`: the same load under Tutti and pod by pod, on a real control plane, watched by an identity that belongs to nobody.

For: showing in a minute or two what all-or-nothing means, with numbers read from the API server.
May not: look into Tutti, which runs as a child process with its own identities, or measure anything from its memory.
Next: `story` is the load as data, `timeline` turns what the watch saw into measures, `verdict` compares them with what was promised;
`stage` starts and ends processes, `play` goes through the scenes, `narration` says them; `command` is the command.
"""
