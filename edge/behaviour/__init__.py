"""What tracks and things do over time, as several rules need it: journeys, stands, speeds, approaches, left objects.

Pure like the rules, but with a memory: each object here is fed one observation after another.
"""
