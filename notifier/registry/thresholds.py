"""From where on a change is told. All such figures are here, each with its reason."""

# A date is told when it has moved this far from what followers were last told. People plan in months,
# and some registrants move the start by a day on every working day: in real data of 14 weeks, 228 of
# 1,005 updates were four studies that did so. 42 CFR 11.64 too gives registrants 30 days.
MOVED_DAYS = 30

# Enrolment: a planned number is adjusted now and then; a tenth more or less changes nobody's plans.
ENROLLMENT_SHARE = 0.10

# Two items of a list (an outcome, an arm) with this share of words in common are one, reworded.
REWORDED = 0.5

# Two citations without a PubMed id with this share of words in common are one, typeset differently.
SAME_CITATION = 0.7

# Two names of a city that are this alike (0 to 1) are one, spelled differently: Hue and Huế.
SAME_CITY = 0.75

# The overall statuses in which people can or will be able to join; in all others a place's own status
# is taken from the record, which says nothing about the place.
OPEN_STATUSES = frozenset({"RECRUITING", "NOT_YET_RECRUITING", "ENROLLING_BY_INVITATION", "AVAILABLE"})
