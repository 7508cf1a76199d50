"""HTTP of persons in care: masked lists, one record, a field revealed for a while, and what the person may ask for."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from gismap.access.values import Permission
from gismap.care import records, rights
from gismap.care.categories import list_categories
from gismap.care.purposes import list_purposes
from gismap.care.schemas import CorrectBody, LookUpBody, PersonsQuery, ReasonBody, RevealBody
from gismap.http import Configuration, CurrentCaller, Database, NoQuery, json_only, json_response, permit
from gismap.store.keyring import read_keyring
from gismap.store.session import reading, writing

router = APIRouter(prefix="/api/care", tags=["persons in care"])

Nothing = Annotated[NoQuery, Query()]


@router.get("/categories", summary="Which kinds of care there are", dependencies=[permit(Permission.COUNT_CARE)])
def categories(_: Nothing, engine: Database) -> Response:
    """Those that two people stand for."""
    with reading(engine) as connection:
        return json_response({"categories": list_categories(connection)})


@router.get("/purposes", summary="Why records are kept", dependencies=[permit(Permission.READ_CARE)])
def purposes(_: Nothing, engine: Database) -> Response:
    """Every purpose with its basis, notice, assessment, owner, recipients, fields, retention and end."""
    with reading(engine) as connection:
        return json_response({"purposes": list_purposes(connection)})


@router.get("/persons", summary="Persons in care, masked", dependencies=[permit(Permission.READ_CARE)])
def persons(
    query: Annotated[PersonsQuery, Query()], engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """A page of records by identity; `next` is the `cursor` of the following page. Every look is entered."""
    wanted = replace(query.wanted(), territories=caller.limits(Permission.READ_CARE))
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        return json_response(records.list_persons(connection, wanted, today=settings.today(), actor=caller.username))


@router.get("/drill", summary="The made-up persons of a drill", dependencies=[permit(Permission.DRILL)])
def drill(
    query: Annotated[PersonsQuery, Query()], engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """As `/api/care/persons`, while a drill lasts."""
    wanted = replace(query.wanted(of_drill=True), territories=caller.limits(Permission.DRILL))
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        return json_response(records.list_persons(connection, wanted, today=settings.today(), actor=caller.username))


@router.post(
    "/persons/lookup",
    summary="The record with an identity number",
    dependencies=[Depends(json_only), permit(Permission.REVEAL_CARE)],
)
def look_up(body: LookUpBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration) -> Response:
    """Masked records with exactly this number; the number is entered nowhere."""
    keyring = read_keyring(settings.keyring_path)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        found = records.look_up(
            connection, body.id_number, body.reason, keyring, today=settings.today(), actor=caller.username
        )
    return json_response(found)


@router.get("/persons/{person}", summary="One person in care, masked", dependencies=[permit(Permission.READ_CARE)])
def person(person: str, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration) -> Response:
    """The record, with the fields that this session has revealed while that lasts. Every look is entered."""
    keyring = read_keyring(settings.keyring_path)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        shown = records.show_person(connection, person, keyring, today=settings.today(), actor=caller.username)
    return json_response(shown)


@router.get("/persons/{person}/looks", summary="Who looked at a person", dependencies=[permit(Permission.READ_CARE)])
def looks(person: str, _: Nothing, engine: Database, settings: Configuration) -> Response:
    """The newest entries of the audit log about this person."""
    with reading(engine) as connection:
        return json_response(records.looks(connection, person, today=settings.today()))


@router.post(
    "/persons/{person}/reveal",
    summary="Show fields of one person in full for five minutes",
    dependencies=[Depends(json_only), permit(Permission.REVEAL_CARE)],
)
def reveal(
    person: str, body: RevealBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """The fields in full, to this session, until the time that is told; who, which and why is entered."""
    keyring = records.needed(read_keyring(settings.keyring_path))
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        shown = records.reveal(
            connection, person, body.fields, body.reason, keyring, today=settings.today(), actor=caller.username
        )
    return json_response(shown)


@router.post(
    "/persons/{person}/export",
    summary="A copy of all that is kept, for the person",
    dependencies=[Depends(json_only), permit(Permission.WRITE_CARE)],
)
def export(
    person: str, body: ReasonBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """Everything in plain words, the purpose, and who looked; with the proof of the entry."""
    keyring = read_keyring(settings.keyring_path)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        copy = rights.copy_person(
            connection, person, body.reason, keyring, today=settings.today(), actor=caller.username
        )
    return json_response(copy)


@router.post(
    "/persons/{person}/correct",
    summary="Put right what is kept of a person",
    dependencies=[Depends(json_only), permit(Permission.WRITE_CARE)],
)
def correct(
    person: str, body: CorrectBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """Corrected wherever it is kept; the answer is the proof."""
    keyring = records.needed(read_keyring(settings.keyring_path))
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        proof = rights.correct_person(
            connection, person, body.fields, body.reason, keyring, today=settings.today(), actor=caller.username
        )
    return json_response(proof)


@router.post(
    "/persons/{person}/delete",
    summary="Delete all that is kept of a person",
    dependencies=[Depends(json_only), permit(Permission.WRITE_CARE)],
)
def delete(
    person: str, body: ReasonBody, _: Nothing, engine: Database, caller: CurrentCaller, settings: Configuration
) -> Response:
    """All versions go; the answer is the proof."""
    keyring = read_keyring(settings.keyring_path)
    with writing(engine, statement_timeout_ms=settings.statement_timeout_ms) as connection:
        proof = rights.delete_person(
            connection, person, body.reason, keyring, today=settings.today(), actor=caller.username
        )
    return json_response(proof)
