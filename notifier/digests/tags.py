"""Places in a rendered mail where the provider puts each person's own links.

A tag is ASCII letters, digits and hyphens, so that it stands in HTML, in text and in JSON as it is.
It begins with TAG_PREFIX, which `text.clean` breaks wherever it occurs in text that is not ours.
"""

TAG_PREFIX = "NOTIFIER-LINK-"
UNSUBSCRIBE_TAG = TAG_PREFIX + "UNSUBSCRIBE"
MANAGE_TAG = TAG_PREFIX + "MANAGE"
CONFIRM_TAG = TAG_PREFIX + "CONFIRM"
TAGS = (UNSUBSCRIBE_TAG, MANAGE_TAG, CONFIRM_TAG)
