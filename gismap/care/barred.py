"""What is never kept of anybody, as words: in names of columns, in categories, in free text about persons."""

import re
import unicodedata
from collections.abc import Collection

BARRED = frozenset(
    """信访 上访 犯罪 前科 刑满 刑释 矫正 违法人员 宗教 信仰 信教 民族 政治面貌 党员 党派 艾滋 吸毒 涉毒 戒毒
    petition petitioner offence offense offender criminal crime_record religion religious faith denomination ethnic
    ethnicity political politics party_member hiv aids drug_history drug_use drug_user""".split()
)
"""Petitions, offences, faith, ethnicity, political views, HIV, drug history; whoever they are about."""

BARRED_OF_PERSONS = BARRED | frozenset(
    """核酸 密接 检测结果 未检测 风险等级 风险评分 风险分 信用分 人脸 轨迹 行踪
    tested covid risk_score risk_level credit_score face track trajectory whereabouts""".split()
)
"""Of residents, also: who was or was not tested, scores of a person, faces, and where somebody has been."""

BARRED_OF_STAFF = BARRED_OF_PERSONS | frozenset(
    """打卡 签到 在线时长 登录时长 排名 名次 家庭住址 home_address check_in checkin online_time ranking rank""".split()
)
"""Of staff, also: check-ins, time online, ranks, and where they live."""


def mentions(text: str, words: Collection[str]) -> bool:
    """Whether a text holds one of the words: Chinese anywhere, English as whole words, so that `hotel` is no `tel`."""
    plain = unicodedata.normalize("NFKC", text)
    parts = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower())
    joined = "_" + "_".join(parts) + "_"
    return any(f"_{word}_" in joined if word.isascii() else word in plain for word in words)
