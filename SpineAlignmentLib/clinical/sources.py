"""Where each formula, border and norm was published."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Source:
    """A publication."""

    citation: str
    doi: str = ""
    original: bool = True
    """Whether its numbers were taken from its own abstract or tables; False when from works that cite it."""

    def __str__(self) -> str:
        doi = f", doi:{self.doi}" if self.doi else ""
        return f"{self.citation}{doi}{'' if self.original else ' (not read in the original)'}"


SOURCES: Final[dict[str, Source]] = {
    "Yeh": Source("Yeh 2021, Scientific Reports, Table 1: patients", "10.1038/s41598-021-87141-x"),
    "MEANS": Source("Multi-Ethnic Alignment Normative Study 2022, n = 468", "10.1097/BRS.0000000000004413"),
    "Yukawa": Source("Yukawa 2018, Eur Spine J 27:426, n = 626"),
    "Mac-Thiong": Source("Mac-Thiong 2010, Spine, n = 709", "10.1097/BRS.0b013e3181e50808"),
    "TPA norms": Source("T1 pelvic and lumbar pelvic angles normative values 2024, Spine, n = 472, 20 to 40 years"),
    "Schwab": Source("Schwab 2012; Terran 2013, Neurosurgery 73:559"),
    "severity": Source("sum of the SRS-Schwab modifiers, 2018", "10.1016/j.jspd.2018.09.008"),
    "GAP": Source("Yilgor 2017, J Bone Joint Surg", "10.2106/JBJS.16.01594", original=False),
    "T4-L1-hip": Source("T4-L1-hip axis, J Bone Joint Surg", "10.2106/JBJS.23.00372"),
    "Roussouly": Source("Roussouly 2005; Laouissat 2018", original=False),
    "Lenke": Source("Lenke 2001, J Bone Joint Surg 83:1169", original=False),
    "Tang": Source("Tang 2012"),
    "T1S-CL": Source("Int J Spine Surg 2018;12:362"),
    "Lafage": Source("Lafage 2016, Spine", "10.1097/BRS.0000000000001171", original=False),
    "Lafage LL": Source("Lafage and others: LL of age, PI and TK"),
    "Japan": Source("Eur Spine J 2016, n = 126", "10.1007/s00586-016-4702-2"),
    "Meyerding": Source("Meyerding 1932, Surg Gynecol Obstet 54:371; slip after Taillard 1954", original=False),
    "Genant": Source("Genant 1993, J Bone Miner Res 8:1137", "10.1002/jbmr.5650080915", original=False),
    "Barrey": Source("Barrey 2011; Laouissat 2018: 13 % of healthy people above 1"),
}
"""Short name to publication."""
