"""The HTTP API: what other systems tell drip of people, and ask of it.

    gate      who may come in: the token, its rate, the size and the shape of what it brings
    routes    one way to write a route: method, path, scope, and its example
    calls     what a route works with: the store, the clock, and the Idempotency-Key
    learners, enrolments, events, courses     the routes, each a few lines over a use case of the engine
    problems  every refusal in one shape (RFC 9457)
    schema    OpenAPI 3.1, made of the routes; `guide` shows it to people

Nothing here reads a cookie, and no header lets another site's page in (CORS): a browser is no way to use it.
"""
