import pytest

from tests.embedded.processes import User, end_servers


@pytest.fixture
def home(tmp_path):
    yield tmp_path / "home"
    end_servers(tmp_path / "home")


@pytest.fixture
def user(home):
    """Makes processes that use the services of this home, and ends those that are left."""
    users = []

    def start(**options) -> User:
        users.append(User(options.pop("home", home), **options))
        return users[-1]

    yield start
    for process in users:
        process.kill()
