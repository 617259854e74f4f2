from sqlalchemy import text


def test_sessions_speak_utc_and_say_who_they_are(engine):
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW application_name")) == "notifier-tests"


def test_a_connection_that_was_cut_is_replaced(engine, server):
    with engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    server.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != pid


def test_a_machine_that_vanished_is_noticed_within_a_minute(engine):
    with engine.connect() as connection:
        parameters = connection.connection.dbapi_connection.info.get_parameters()
    assert int(parameters["tcp_user_timeout"]) <= 60_000
    seconds = [int(parameters[f"keepalives_{name}"]) for name in ("idle", "interval", "count")]
    assert seconds[0] + seconds[1] * seconds[2] <= 60
