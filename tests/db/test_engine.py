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
