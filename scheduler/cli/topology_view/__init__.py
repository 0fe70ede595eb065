"""
What `tutti topology show` is made of: reading a cluster from a file, its topology as plain values, as words, and as a picture.

Next: `document` is what is shown, whatever the form; `files` is where it may come from besides a live cluster.
"""
