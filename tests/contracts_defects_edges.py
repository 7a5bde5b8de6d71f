"""Defects at the edges: rare forms, extreme values, side doors."""

from __future__ import annotations

import re

from contracts_planting import Case, answers, defect


@defect("lifecycle.old-answers", "served-until-replaced")
def the_new_entity_answers_at_once(case: Case) -> None:
    if case.is_("PUT", "/config") and case.ok:
        case.memory[case.name] = case.json["pending_config"]["served_entities"][0]["name"]
    elif case.is_query and case.ok and case.name in case.memory:
        case.set_header("served-model-name", case.memory[case.name])


@defect("memory.documents", "documents-of-the-day")
def the_document_names_another_server(case: Case) -> None:
    if case.is_("GET", "/openapi") and case.ok:
        case.json["servers"] = [{"url": "http://127.0.0.1/serving-endpoints/another"}]


@defect("robust.server-error", "extreme-numbers")
def numbers_overflow(case: Case) -> None:
    if re.search(rb"\d{19,}", case.sent):
        case.refuse(500, "INTERNAL_ERROR", "int too large")


@defect("robust.server-error", "extreme-texts")
def half_a_surrogate_crashes(case: Case) -> None:
    if b"\\ud800" in case.sent:
        case.refuse(500, "INTERNAL_ERROR", "surrogates not allowed")


@defect("robust.server-error", "nothing-where-something-is")
def null_crashes(case: Case) -> None:
    if b": null" in case.sent and case.is_("PATCH", "/tags"):
        case.refuse(500, "INTERNAL_ERROR", "'NoneType' object is not iterable")


@defect("shape.headers", "external-lifecycle")
def replies_claim_to_be_compressed(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.set_header("Content-Encoding", "gzip")


@defect("shape.media-type", "external-lifecycle")
def documents_claim_another_charset(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.set_header("Content-Type", "application/json; charset=latin-1")


@defect("query.refuses", "refused-on-every-route", before=True)
def nothing_is_embedded(case: Case) -> None:
    if case.path == "/serving-endpoints/embeddings" and isinstance(case.asked, dict) and "input" not in case.asked:
        case.ask({**case.asked, "input": "nothing"})


@defect("rules.accepts", "accepted-queries")
def the_hottest_is_too_hot(case: Case) -> None:
    if case.is_query and case.members.get("temperature") == 2:
        case.refuse(400, "INVALID_PARAMETER_VALUE", "temperature is too high")


@defect("query.fresh", "other-vendors-answers")
def responses_share_an_id(case: Case) -> None:
    if case.is_query and isinstance(case.json, dict) and case.json.get("object") == "response":
        case.json["id"] = "resp_1"


@defect("robust.method", "wrong-methods")
def traces_are_answered(case: Case) -> None:
    if case.method == "TRACE":
        case.status, case.json = 200, {}


@defect("query.embedding-sense", "accepted-texts", before=True)
def base64_is_ignored(case: Case) -> None:
    if case.is_query:
        case.sent = case.sent.replace(b'"encoding_format": "base64"', b'"encoding_format": "float"')


@defect("query.embedding-size", "accepted-texts", before=True)
def dimensions_are_ignored(case: Case) -> None:
    if case.is_query and "dimensions" in case.members:
        case.ask({key: value for key, value in case.members.items() if key != "dimensions"})


@defect("limits.envelope", "limits-by-every-route")
def the_rest_is_never_counted_down(case: Case) -> None:
    if case.header("x-ratelimit-remaining-requests"):
        case.set_header("X-Ratelimit-Remaining-Requests", "99")


@defect("rules.name", "refused-traffic", before=True)
def names_of_64_are_accepted(case: Case) -> None:
    if case.is_create and len(str(case.members.get("name"))) == 64:
        case.ask({**case.members, "name": str(case.members["name"])[:-1]})


@defect("rules.types", "refused-sizes", before=True)
def sizes_are_turned_round(case: Case) -> None:
    if case.is_create:
        case.sent = case.sent.replace(b'"min_provisioned_concurrency": 8', b'"min_provisioned_concurrency": 4')


@defect("rules.kind-fixed", "refused-capture", before=True)
def captures_can_be_moved(case: Case) -> None:
    if case.is_("PUT", "/config"):
        case.sent = case.sent.replace(b'"elsewhere"', b'"main"').replace(
            b'"schema_name": "main"', b'"schema_name": "logs"'
        )


@defect("query.input-forms", "refused-rows", before=True)
def ragged_rows_are_cut(case: Case) -> None:
    if case.is_query:
        case.sent = case.sent.replace(b"[[1], [2, 3]]", b"[[1], [2]]")


@defect("query.varied", "accepted-queries")
def choices_are_copies(case: Case) -> None:
    for choice in answers(case)[1:]:
        if "message" in choice:
            choice["message"] = answers(case)[0]["message"]


@defect("memory.ai-gateway", "accepted-gateways")
def the_fallback_is_lost(case: Case) -> None:
    if case.is_("PUT", "/ai-gateway") and case.ok:
        case.json.pop("fallback_config", None)
    for document in case.endpoints():
        (document.get("ai_gateway") or {}).pop("fallback_config", None)


@defect("robust.server-error", "extreme-texts")
def long_bodies_crash(case: Case) -> None:
    if len(case.sent) > 100_000:
        case.refuse(500, "INTERNAL_ERROR", "too long")


@defect("query.message", "probable-tokens")
def probabilities_are_left_out(case: Case) -> None:
    for choice in answers(case):
        choice.pop("logprobs", None)


@defect("rules.limit-values", "limits-of-groups", before=True)
def nobodys_limits_are_accepted(case: Case) -> None:
    if case.path.endswith("/ai-gateway") and b"principal" in case.sent and b'"principal":' not in case.sent:
        case.sent = case.sent.replace(b'"key"', b'"principal": "somebody", "key"')


@defect("shape.envelope", "missing-endpoints")
def refusals_show_a_traceback(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["stack_trace"] = 'Traceback (most recent call last):\n  File "server.py", line 3'


@defect("shape.envelope", "missing-endpoints")
def refusals_show_a_java_stack(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["stack_trace"] = (
            "java.lang.IllegalStateException: x\n\tat com.example.Handler.handle(Handler.scala:42)"
        )


@defect("shape.envelope", "missing-endpoints")
def refusals_show_a_panic(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["debug"] = "goroutine 1 [running]:\nmain.main()\n\t/app/main.go:12 +0x1d"


@defect("shape.error-code", "strangers-read")
def nobody_is_refused_in_words(case: Case) -> None:
    if case.status == 401 and isinstance(case.json, dict):
        case.json["error_code"] = "UNAUTHENTICATED"


@defect("shape.body", "external-lifecycle")
def members_come_twice(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.body = case.body.replace(b"{", b'{"name":"another",', 1)


@defect("shape.headers", "external-lifecycle")
def replies_have_two_media_types(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.headers.append(("Content-Type", "text/html"))


@defect("memory.identity", "discovery")
def tokens_are_issued_elsewhere(case: Case) -> None:
    if case.path.endswith("oauth-authorization-server") and case.ok:
        case.json["token_endpoint"] = "https://accounts.example.com/oidc/v1/token"


@defect("memory.identity", "discovery")
def the_discovery_is_of_another_workspace(case: Case) -> None:
    if case.path.endswith("databricks-config") and case.ok:
        case.json["workspace_id"] = "999"


@defect("memory.documents", "documents-of-the-day")
def the_document_cannot_be_posted_to(case: Case) -> None:
    if case.path.endswith("/openapi") and case.ok:
        for item in case.json["paths"].values():
            item["get"] = item.pop("post")


@defect("query.finish-reason", "tools-and-formats")
def calls_of_tools_just_stop(case: Case) -> None:
    for choice in answers(case):
        if choice.get("finish_reason") == "tool_calls":
            choice["finish_reason"] = "stop"


@defect("shape.body", "external-lifecycle")
def documents_begin_with_a_mark(case: Case) -> None:
    if case.is_("GET") and case.ok:
        case.body = b"\xef\xbb\xbf" + case.body


@defect("access.secret", "missing-endpoints")
def refusals_repeat_the_credential(case: Case) -> None:
    if case.status == 404 and isinstance(case.json, dict):
        case.json["message"] += f" Asked with {case.environ.get('HTTP_AUTHORIZATION')}"


@defect("query.fresh", "tools-and-formats")
def tool_calls_share_an_id(case: Case) -> None:
    for choice in answers(case):
        for call in (choice.get("message") or {}).get("tool_calls") or []:
            call["id"] = "call_1"
