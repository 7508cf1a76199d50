"""HTTP of pages that are no maps; what they show comes from the capabilities' own endpoints."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from gismap.access.audit_routes import AuditFilter
from gismap.access.values import Permission
from gismap.http import Configuration, CurrentCaller, Parameters, Tongue, permit
from gismap.i18n import Language
from gismap.pages.audit_words import action_words, audit_words
from gismap.pages.shell import render

router = APIRouter(tags=["pages"])


class AuditPage(AuditFilter):
    """`GET /audit`: what the page shows at first."""

    lang: Language | None = None


class CarePage(Parameters):
    """`GET /care`: the language alone, since whom one looks at is never in an address."""

    lang: Language | None = None


@router.get(
    "/audit",
    response_class=HTMLResponse,
    summary="The audit log in words, by person, user, unit, day and action",
    dependencies=[permit(Permission.AUDIT)],
)
async def audit_page(
    asked: Annotated[AuditPage, Query()], caller: CurrentCaller, settings: Configuration, tongue: Tongue
) -> Response:
    language = asked.lang or tongue
    stays = {key: str(value) for key, value in asked.model_dump(exclude={"lang"}, exclude_none=True).items()}
    more = audit_words(language) | {"sees_all": not caller.limits(Permission.AUDIT)}
    return render("audit", caller, language, settings, more=more, asked=stays)


@router.get(
    "/care",
    response_class=HTMLResponse,
    summary="Persons in care, masked: reveal with a reason, correct, copy, delete",
    dependencies=[permit(Permission.READ_CARE)],
)
async def care_page(
    asked: Annotated[CarePage, Query()], caller: CurrentCaller, settings: Configuration, tongue: Tongue
) -> Response:
    language = asked.lang or tongue
    may = {"reveal": caller.may(Permission.REVEAL_CARE), "write": caller.may(Permission.WRITE_CARE)}
    more = {"may": may, "actions": action_words(language)}
    return render("care", caller, language, settings, more=more, asked={})
