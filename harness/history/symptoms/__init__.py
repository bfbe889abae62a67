"""Symptoms: what somebody saw in the field, in a small language over the typed events of a history.

A symptom is a sequence of steps, each seen after the one before, on one terminal::

    symptom   = step { "then" step } [ "on" "any" "device" | "on" "the" "same" "device" ]
    step      = [ "not" terms "before" ] terms [ number "times" ] [ "within" duration ]
    terms     = term { "or" term }
    duration  = number unit            unit = "s" | "min" | "h" | "d"
    text      = '"' up to 100 characters '"'

``not A before B``: B is seen, and since the step before it A was not. ``B within 10 min``: no later than ten minutes after the
step before it. ``B 3 times`` stands for ``B then B then B``. Upper and lower case are the same; ``-`` and ``_`` in words, too.
The terms are those of ``words.FORMS`` (``harness hunt --list-symptoms`` prints them), such as::

    screen storage_full then settle refused
    screen "存储满" then not settle done before sale approved within 10 min
    no reply then charged twice
    power cut then approved sale lost
    software died because "out_of_memory" 3 times then boot failed

Terms *at rest* (``charged twice``, ``finding 15``, ...) are no events: they are proven from the ledger once everything has come
to rest, with the traps of domain.md section 8 avoided as the invariants avoid them. Nothing comes after them, so they may stand
in the last step only. Texts are compared as they are, never as patterns: a symptom cannot make a reader slow.

Models: for each terminal the latest end of each beginning of the sequence (``match``), one pass, memory that does not grow with
the history. Does not model: two things at the same instant in any order (the history's order counts), or counts over a whole
run.
"""
