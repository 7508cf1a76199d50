"""The columns that a file of grids can bring, with headings and allowed values; what becomes of them is in `grids`."""

from gismap.boundaries.values import ZoneType
from gismap.i18n import CATALOGUE
from gismap.importing.fields import EXAMPLE_KEY, Field, LayerForm
from gismap.importing.forms import AREA, SHAPE

_ZONES = {zone.value: CATALOGUE[f"zone.{zone}"] for zone in ZoneType}
_KINDS = {
    "general": ("综合网格", "General"),
    "dedicated": ("专属网格", "Dedicated"),
    "micro": ("微网格", "Micro"),
}
ABOVE = ((1, "county", "区县"), (2, "town", "镇街"), (3, "community", "社区"))
"""Levels that a file of leaves may give in columns of their own: code and name of each."""

GRIDS = LayerForm(
    (
        Field(
            "code",
            "网格编码",
            ("grid_code", "unit_code", "编码", "代码", "网格代码"),
            example=EXAMPLE_KEY,
            note_zh="本地编码规则;管区可为空",
            note_en="by the local scheme; a management area may have none",
        ),
        Field("name", "网格名称", ("grid_name", "名称"), required=True, example="福安社区第1网格"),
        Field("level", "层级", ("网格层级",), "count", example="4", note_zh="1 市县 2 镇街 3 社区/管区 4 网格 5 微网格",
              note_en="1 city or county, 2 town, 3 community or management area, 4 grid, 5 micro-grid"),
        Field("parent", "上级", ("parent_code", "上级编码", "上级名称", "所属社区"), example="370883001001",
              note_zh="上级单元的编码或名称,须在本文件或已发布的边界中",
              note_en="code or name of the unit above, in this file or published"),
        *(
            Field(f"{name}_{part}", f"{zh}{zh_part}", note_zh="可代替“上级”", note_en="instead of the parent column")
            for _, name, zh in ABOVE
            for part, zh_part in (("code", "编码"), ("name", "名称"))
        ),
        Field("division_code", "区划代码", ("division", "行政区划代码"), note_zh="12 位", note_en="12 digits"),
        Field("kind", "类型", ("grid_kind", "网格类型"), choices=_KINDS, example="综合网格"),
        Field("zone_type", "区域类型", ("zone",), choices=_ZONES, example="小区"),
        Field("governance_mode", "治理模式", ("mode",)),
        SHAPE,
    ),
    AREA,
    keeps_others=False,
    position_optional=True,
)  # fmt: skip
"""What a file of grids brings; units above the leaves have no shape."""
