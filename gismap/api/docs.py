"""`/docs`: Swagger UI from our own copy, so that it works without internet."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from gismap.http import open_to_all
from gismap.themes.assets import ICON

router = APIRouter(include_in_schema=False)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>gismap API</title>
<link rel="icon" href="{icon}">
<link rel="stylesheet" href="/vendor/swagger-ui-dist/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/vendor/swagger-ui-dist/swagger-ui-bundle.js"></script>
<script nonce="{nonce}">
SwaggerUIBundle({{url: "/openapi.json", dom_id: "#docs", validatorUrl: null}});
</script>
</body>
</html>
"""


@router.get("/docs", dependencies=[Depends(open_to_all)])
async def docs(request: Request) -> HTMLResponse:
    """The page; all it loads is ours."""
    return HTMLResponse(PAGE.format(icon=ICON, nonce=request.state.csp_nonce))
