"""A small description in split files, without fault, for the tests of the openapi package; and ways to spoil it."""

from __future__ import annotations

from pathlib import Path

FILES = {
    "openapi.yaml": """\
openapi: 3.1.0
info: {title: Shelves, version: "1"}
security: [{token: []}]
tags: [{name: Shelves}]
paths:
  /shelves:
    $ref: "paths/shelves.yaml#/~1shelves"
  /shelves/{name}:
    $ref: "paths/shelves.yaml#/~1shelves~1{name}"
  /health:
    get:
      operationId: get_health
      summary: Health
      tags: [Shelves]
      security: []
      responses:
        200: {description: Fine, content: {text/plain: {schema: {type: string}, example: fine}}}
components:
  securitySchemes:
    token: {type: http, scheme: bearer}
""",
    "parameters.yaml": """\
Name:
  name: name
  in: path
  required: true
  schema: {type: string, pattern: "^[a-z]+$"}
  example: fiction
""",
    "responses.yaml": """\
Refused:
  description: Refused
  content:
    application/json:
      schema: {$ref: "schemas/errors.yaml#/Error"}
      examples:
        plain: {summary: A refusal, value: {error_code: NO, message: No.}}
""",
    "paths/shelves.yaml": """\
/shelves:
  post:
    operationId: create_shelf
    summary: Create a shelf
    tags: [Shelves]
    x-required-permission: CAN_MANAGE
    requestBody:
      required: true
      content:
        application/json:
          schema: {$ref: "../schemas/shelf.yaml#/Shelf"}
          examples:
            small: {value: {name: fiction, volumes: 3}}
    responses:
      201:
        description: Created
        content:
          application/json:
            schema: {$ref: "../schemas/shelf.yaml#/Shelf"}
            example: {name: fiction, id: s1}
          text/event-stream:
            schema: {$ref: "../schemas/shelf.yaml#/Event"}
            example: "data: {\\"added\\": 1}\\n\\ndata: [DONE]\\n\\n"
        links:
          read:
            operationId: get_shelf
            parameters: {name: $response.body#/name}
      400: {$ref: "../responses.yaml#/Refused"}
      401: {$ref: "../responses.yaml#/Refused"}
      403: {$ref: "../responses.yaml#/Refused"}
/shelves/{name}:
  parameters:
    - $ref: "../parameters.yaml#/Name"
  get:
    operationId: get_shelf
    summary: Read a shelf
    tags: [Shelves]
    responses:
      200:
        description: Found
        content:
          application/json:
            schema: {$ref: "../schemas/shelf.yaml#/Shelf"}
            example: {name: fiction, id: s1}
      401: {$ref: "../responses.yaml#/Refused"}
      403: {$ref: "../responses.yaml#/Refused"}
      404: {$ref: "../responses.yaml#/Refused"}
""",
    "schemas/errors.yaml": """\
Error:
  type: object
  required: [error_code, message]
  properties:
    error_code: {type: string, description: Code}
    message: {type: string, description: Text}
""",
    "schemas/shelf.yaml": """\
Shelf:
  type: object
  required: [name, id]
  properties:
    name: {type: string, pattern: "^[a-z]+$", description: Name}
    id: {type: string, readOnly: true, description: Given by the service}
    volumes: {type: integer, minimum: 0, maximum: 100, description: How many}
    order: {type: string, enum: [title, author], default: title, description: Order}
    lock: {$ref: "#/Lock"}
    parts:
      type: array
      description: Shelves within the shelf
      items: {$ref: "#/Shelf"}
Lock:
  description: How it is locked
  oneOf:
    - $ref: "#/Bolt"
    - $ref: "#/Dial"
  discriminator:
    propertyName: kind
    mapping: {bolt: "#/Bolt", dial: Dial}
Bolt:
  type: object
  required: [kind]
  properties:
    kind: {const: bolt, description: Kind}
    key_plaintext: {type: string, writeOnly: true, description: Shape of the key}
Dial:
  type: object
  required: [kind]
  properties:
    kind: {const: dial, description: Kind}
    digits: {type: integer, default: 4, description: How many digits}
    code: {type: string, writeOnly: true, description: The code}
Event:
  type: object
  required: [added]
  properties:
    added: {type: integer, description: How many}
""",
}


def write(folder: Path, *changes: tuple[str, str, str], extra: dict[str, str] | None = None) -> Path:
    """Write the files into `folder`, each change (file, old text, new text) made; the root document's path."""
    files = {**FILES, **(extra or {})}
    for file, old, new in changes:
        assert old in files[file], f"{file} has no {old!r}"
        files[file] = files[file].replace(old, new, 1)
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder / "openapi.yaml"
