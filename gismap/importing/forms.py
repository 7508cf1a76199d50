"""Which fields each layer takes from a file, with their headings and allowed values; also what a template asks for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from gismap.errors import BadInputError, NotFoundError
from gismap.i18n import CATALOGUE, category_title
from gismap.importing.fields import EXAMPLE_KEY, KEY, WKT, Field, LayerForm, X, Y
from gismap.importing.osm import BUILDING_USES as OSM_BUILDING_USES
from gismap.importing.osm import STREET_CLASSES as OSM_STREET_CLASSES

POINT = frozenset({"Point", "MultiPoint"})
LINE = frozenset({"LineString", "MultiLineString"})
AREA = frozenset({"Polygon", "MultiPolygon"})

BUILDING_USES = {
    "residential": "住宅 居民楼 居住",
    "bungalow": "平房 院落",
    "shop": "商铺 商业 门店 商店",
    "office": "办公 办公楼",
    "school": "学校 教育",
    "hospital": "医院 医疗",
    "factory": "厂房 工业 工厂 仓库",
    "public": "公共 公建 公共建筑",
    "farmhouse": "农房 农村住宅",
    "other": "其他 yes",
}
"""Our uses with Chinese words for them, besides their titles."""

STREET_CLASSES = {
    "trunk": ("快速路", "高速公路", "国道"),
    "primary": ("主干路", "主干道", "省道"),
    "secondary": ("次干路", "次干道", "县道"),
    "tertiary": ("支路", "乡道"),
    "residential": ("居住区道路", "小区道路", "村道"),
    "lane": ("巷道", "巷", "胡同"),
    "track": ("小路", "步道", "机耕路"),
}
EMPLOYMENTS = {
    "full_time": ("专职", "Full time"),
    "part_time": ("兼职", "Part time"),
    "leader": ("负责人", "Leader"),
    "volunteer": ("志愿者", "Volunteer"),
}
DUTIES = {
    "primary": (*CATALOGUE["duty.primary"], "A", "主岗"),
    "backup": (*CATALOGUE["duty.backup"], "B", "副岗", "备岗"),
}
ROLES = {key.removeprefix("role."): titles for key, titles in CATALOGUE.items() if key.startswith("role.")}


def _known_categories(layer: str) -> list[str]:
    prefix = f"category.{layer}."
    return [key.removeprefix(prefix) for key in CATALOGUE if key.startswith(prefix)]


def _categories(layer: str, values: Collection[str]) -> dict[str, Sequence[str]]:
    return {value: (category_title(layer, value, "zh"), category_title(layer, value, "en")) for value in values}


def _building_uses() -> dict[str, Sequence[str]]:
    """Our uses by their titles and by OSM's values of `building`."""
    return {
        use: (*titles, *BUILDING_USES[use].split(), *OSM_BUILDING_USES.get(use, "").split())
        for use, titles in _categories("buildings", BUILDING_USES).items()
    }


def _street_classes() -> dict[str, Sequence[str]]:
    """Our classes by their Chinese names and by OSM's values of `highway`."""
    words = {name: list(titles) for name, titles in STREET_CLASSES.items()}
    for value, name in OSM_STREET_CLASSES.items():
        words[name] += [value, f"{value}_link"]
    return dict(words)


KEY_FIELD = Field(
    KEY,
    "编号",
    ("id", "code", "编码", "代码", "唯一编码", "osm_id"),
    example=EXAMPLE_KEY,
    note_zh="同一来源内不重复;再次导入时凭它识别同一对象",
    note_en="unique within the source; tells the same thing again",
)
NAME = Field("name", "名称", ("title", "name:zh", "全称"), example="福安小区12号楼")
ADDRESS = Field("address", "地址", ("addr", "详细地址", "标准地址", "门牌"), example="人民路12号")
LON_LAT = (
    Field(
        X,
        "经度",
        ("lon", "lng", "longitude", "x坐标", "东坐标", "横坐标", "easting"),
        example="116.97",
        note_zh="经度或东坐标;坐标系在导入时用 --crs 说明",
        note_en="longitude or easting; --crs names the frame when importing",
    ),
    Field(
        Y,
        "纬度",
        ("lat", "latitude", "y坐标", "北坐标", "纵坐标", "northing"),
        example="35.40",
        note_zh="纬度或北坐标",
        note_en="latitude or northing",
    ),
)
SHAPE = Field(
    WKT,
    "图形",
    ("geometry", "geom", "the_geom"),
    note_zh="WKT,可代替经纬度",
    note_en="WKT, instead of longitude and latitude",
)
POSITIONS = (*LON_LAT, SHAPE)

BUILDINGS = (
    KEY_FIELD,
    NAME,
    Field(
        "use",
        "用途",
        ("building", "building_use", "房屋用途", "使用性质", "类别", "category"),
        choices=_building_uses(),
        example=category_title("buildings", "residential"),
        note_zh="空白为其他",
        note_en="other where empty",
    ),
    ADDRESS,
    Field("floors", "层数", ("levels", "building:levels", "楼层数", "地上层数"), "count", example="6"),
    Field("households", "户数", ("住户数", "总户数"), "count", example="48"),
    Field(
        "unit_households",
        "各单元户数",
        ("单元户数",),
        example="24,24",
        note_zh="按单元顺序,用逗号分开;合计即户数",
        note_en="per building unit, in order, separated by commas; they add up to the households",
    ),
    *POSITIONS,
)

STREETS = (
    KEY_FIELD,
    Field("name", "名称", ("street", "road", "道路名称", "街道名称", "路名"), example="人民路"),
    Field(
        "street_class",
        "等级",
        ("class", "fclass", "highway", "道路等级", "类别"),
        choices=_street_classes(),
        example="主干路",
        note_zh="空白为居住区道路",
        note_en="residential where empty",
    ),
    Field(
        WKT,
        "图形",
        SHAPE.synonyms,
        required=True,
        example="LINESTRING (116.97 35.40, 116.98 35.40)",
        note_zh="中心线的 WKT;文件本身带线时不需要",
        note_en="WKT of the centre-line; not needed where the file has lines of its own",
    ),
)


def _places(layer: str, categories: Collection[str], name: str, *, required: bool) -> tuple[Field, ...]:
    category = Field(
        "category",
        "类别",
        ("type", "kind", "class", "类型", "分类"),
        choices=_categories(layer, categories),
        open=True,
        required=required,
        example=category_title(layer, next(iter(categories))),
        note_zh="也可写入自定的类别",
        note_en="categories of your own are kept as they are",
    )
    return KEY_FIELD, Field("name", "名称", NAME.synonyms, example=name), category, ADDRESS


KEY_PLACES = (
    *_places("key_places", _known_categories("key_places"), "第三实验小学", required=True),
    *POSITIONS,
)
SERVICE_STATIONS = (
    *_places("service_stations", _known_categories("service_stations"), "福安社区网格服务站", required=False),
    *POSITIONS,
)
SUPPLIES = (
    *_places("supplies", _known_categories("supplies"), "福安社区AED", required=True),
    Field("what", "物资", ("item", "物资名称"), example="自动体外除颤器"),
    Field("quantity", "数量", ("count",), "count", example="1"),
    Field(
        "keeper",
        "保管岗位",
        ("保管单位", "责任单位"),
        example="福安社区服务站",
        note_zh="岗位或单位,不填个人姓名",
        note_en="a post or an organisation, never a person's name",
    ),
    Field("last_verified", "核验日期", ("verified", "检查日期"), "date", example="2026-01-01"),
    *POSITIONS,
)

STAFF = (
    Field(
        KEY,
        "工号",
        ("编号", "id", "code", "staff_id"),
        example=EXAMPLE_KEY,
        note_zh="同一人多个岗位时,每岗一行,工号相同",
        note_en="one row per post; the same number for the same person",
    ),
    Field(
        "person_name",
        "姓名",
        ("name", "staff_name", "网格员", "网格员姓名", "人员姓名"),
        required=True,
        example="王某某",
    ),
    Field(
        "phone",
        "工作电话",
        ("mobile", "tel", "telephone", "电话", "手机", "手机号", "手机号码", "联系电话", "联系方式", "工作手机"),
        required=True,
        example="19900000000",
    ),
    Field("employment", "用工", ("employment_type", "用工类型", "人员类型"), choices=EMPLOYMENTS, example="专职"),
    Field(
        "unit",
        "网格编码",
        ("unit_code", "grid_code", "grid", "网格代码", "所属网格", "网格", "单元编码"),
        required=True,
        example="370883001001001",
        note_zh="任一层级的编码;名称不重复时也可写名称",
        note_en="code of a unit of any level; or its name, where only one has it",
    ),
    Field("role", "岗位", ("post", "职务", "角色"), choices=ROLES, required=True, example="专职网格员"),
    Field("duty", "AB岗", ("a/b岗", "duty_type", "值守"), choices=DUTIES, example="A岗"),
    *LON_LAT,
)

CARE_FIELDS = (
    Field(
        "building",
        "楼栋",
        ("所在楼栋", "房屋", "小区楼栋", "居住地址", "住址", "地址"),
        required=True,
        example="福安小区12号楼",
        note_zh="楼栋的数字身份证、来源编号、名称或地址,须能唯一确定一栋",
        note_en="identity, number in its source, name or address of one building",
    ),
    Field(
        "name",
        "姓名",
        ("person_name", "人员姓名"),
        note_zh="本列及以下各列,仅在处理目的需要时填写",
        note_en="this and the following: only what the purpose needs",
    ),
    Field("phone", "联系电话", ("电话", "手机", "手机号", "手机号码", "联系方式")),
    Field("id_number", "身份证号", ("身份证", "身份证号码", "公民身份号码", "证件号码", "id_card")),
    Field("birth_date", "出生日期", ("出生年月日", "生日", "birthday"), example="1940-05-17"),
    Field("door", "单元室", ("门牌", "房号", "室", "户号"), example="2单元301室"),
    Field("need", "需求", ("帮扶需求", "具体需求", "服务需求"), example="行动不便,需送餐"),
    Field(
        "guardian",
        "监护人同意",
        ("监护人", "监护人同意书"),
        note_zh="未满14岁者:谁同意、何时同意",
        note_en="of children under 14: who consented, and when",
    ),
)


def care_form(titles: Mapping[str, Sequence[str]], *, open_: bool = False) -> LayerForm:
    """What a file of persons in care can bring; `titles` are the categories with the words for them."""
    category = Field(
        "category",
        "关爱类别",
        ("类别", "人员类别", "对象类别", "care_category"),
        choices=titles,
        open=open_,
        required=True,
        example="独居老人",
    )
    key = replace(KEY_FIELD, required=True, synonyms=(*KEY_FIELD.synonyms, "序号"))
    return LayerForm((key, category, *CARE_FIELDS), POINT, keeps_others=False, position_optional=True)


FORMS = {
    "buildings": LayerForm(BUILDINGS, AREA | POINT),
    "streets": LayerForm(STREETS, LINE, keeps_others=False),
    "key_places": LayerForm(KEY_PLACES, AREA | POINT | LINE),
    "service_stations": LayerForm(SERVICE_STATIONS, AREA | POINT),
    "supplies": LayerForm(SUPPLIES, AREA | POINT),
    "staff": LayerForm(STAFF, POINT, keeps_others=False, position_optional=True),
    "care_persons": care_form(_categories("care_persons", _known_categories("care_persons")), open_=True),
}

CUSTOM = LayerForm((*_places("", ("other",), "", required=False), *POSITIONS), POINT | LINE | AREA)
"""Layers that an import adds."""

_ELSEWHERE = {
    "grids": "grids become boundaries on a day: `gismap import grids FILE --effective-from DATE`",
    "incidents": "incidents are reported, not imported",
}


def form_of(layer: str, *, exists: bool) -> LayerForm:
    """What an import into the layer can bring.

    Raises:
        BadInputError: nothing is imported into this layer.
        NotFoundError: there is no such layer.
    """
    if layer in _ELSEWHERE:
        raise BadInputError(_ELSEWHERE[layer], field="layer")
    if layer not in FORMS and not exists:
        raise NotFoundError(
            f"there is no layer {layer!r}; there are {', '.join(FORMS)}. To add it, name it with --title-zh",
            field="layer",
        )
    return FORMS.get(layer, CUSTOM)
