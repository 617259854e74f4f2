"""Twelve made-up studies: the registry's title, and the site's question and answer."""

from typing import NamedTuple


class SampleStudy(NamedTuple):
    title: str
    question: str
    summary: str
    phases: tuple[str, ...] = ()


STUDIES = (
    SampleStudy(
        "Melvotinib Versus Standard Care in Adults With Throat Tumors That Came Back",
        "What helps when a throat tumor has come back?",
        "One group takes a study medicine named melvotinib. The other group gets the usual care.",
        ("PHASE3",),
    ),
    SampleStudy(
        "Swallowing Exercises Before and During Radiation",
        "Can exercises make it easier to swallow during radiation?",
        "People train with a speech therapist for eight weeks. The study team looks at how well they can eat.",
    ),
    SampleStudy(
        "Two Doses of Radiation After Surgery for Small Throat Tumors",
        "Is less radiation enough after an operation?",
        "One group gets the usual dose, the other a lower one. Chance decides who gets which.",
    ),
    SampleStudy(
        "A Blood Test to Follow Throat Tumors During Care",
        "Can a blood test show early how care is going?",
        "Nurses take a little blood six times. The results do not change the care that people get.",
    ),
    SampleStudy(
        "Lorvaxene Mouth Rinse for Mouth Sores",
        "Does a mouth rinse help against sores from radiation?",
        "People rinse four times a day. Half of the rinses hold the study medicine, half hold none.",
        ("PHASE2",),
    ),
    SampleStudy(
        "Quality of Life in the Five Years After Care for Throat Tumors",
        "How do people live in the years after their care?",
        "People fill in a form twice a year. It asks about sleep, food, voice, work and mood.",
    ),
    SampleStudy(
        "Imadrelin Followed by Surgery in Adults With Large Throat Tumors",
        "Could a study medicine before an operation make the tumor smaller?",
        "People get imadrelin for three weeks and then the operation. It is not known yet if it works.",
        ("PHASE2",),
    ),
    SampleStudy(
        "Phone Calls From Nurses for People Who Live Far From Care",
        "Do calls from a nurse help people who live far away?",
        "A nurse calls once a week for three months. Others get the usual visits.",
    ),
    SampleStudy(
        "Safety of Trovanumab in Adults With Rare Throat Tumors",
        "How much of a study medicine is safe?",
        "Small groups get trovanumab, each a little more than the one before. Doctors watch them closely.",
        ("PHASE1",),
    ),
    SampleStudy(
        "Hearing Before and After Radiation of the Head and Neck",
        "What does radiation do to hearing?",
        "People have hearing tests before, during and after their care.",
    ),
    SampleStudy(
        "Fewer Lymph Nodes Removed in Adults With Early Throat Tumors",
        "Can surgeons take out fewer lymph nodes?",
        "One group has the usual operation, the other a smaller one. The team follows both for three years.",
    ),
    SampleStudy(
        "Walking Groups During Care for Throat Tumors",
        "Does walking together help people feel less tired?",
        "Groups walk twice a week with a coach. The study team asks how tired people feel.",
    ),
)
