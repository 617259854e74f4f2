"""Where a request comes from: as much of the address as limits need, and it is never stored as it is."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from starlette.requests import Request

from notifier.settings import Settings

UNKNOWN = "unknown"
HOME_PREFIX = 64  # of an IPv6 address: one household or office, which has 2^64 of them


def network_of(request: Request, settings: Settings) -> str:
    """An IPv4 address, or the /64 of an IPv6 one.

    Each proxy of ours adds the address that it was called from at the end of X-Forwarded-For; what stands before
    those was written by the visitor and proves nothing.
    """
    forwarded = [
        part.strip()
        for value in request.headers.getlist("x-forwarded-for")
        for part in value.split(",")
        if part.strip()
    ]
    proxies = settings.trusted_proxies
    if proxies and len(forwarded) >= proxies:
        return _network(forwarded[-proxies])
    return _network(request.client.host if request.client else UNKNOWN)


def network_told_apart(request: Request, settings: Settings) -> str | None:
    """None where TRUSTED_PROXIES counts none: we speak no TLS, so it is the address of a proxy, and everybody's."""
    network = network_of(request, settings)
    return network if settings.trusted_proxies and network != UNKNOWN else None


def _network(host: str) -> str:
    address = _address(host)
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), HOME_PREFIX), strict=False))
    return str(address) if address else UNKNOWN


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Some proxies write the port behind it: "192.0.2.1:4711" or "[2001:db8::1]:4711"."""
    bare = host[1 : host.find("]")] if host.startswith("[") else host
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return ip_address(bare.partition("%")[0])
    except ValueError:
        return None
