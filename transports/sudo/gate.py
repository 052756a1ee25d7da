#!/usr/bin/python3 -IS
"""All that the key of an endpoint on another machine may do here: `command=` of its line in authorized_keys (docs/endpoint.md).
`as NAME`: the program as-user, by the sudo rule. `ask`: as this account itself, what only asks the scheduler.
`tunnels`: connections to ports of other machines, each of which wants a session's key. Root's, as all that lies beside it."""
import ipaddress, json, os, pwd, re, socket, sys

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
HERE = os.path.dirname(os.path.abspath(__file__))
LOWEST_PORT = 1024
connect = socket.create_connection


def run(name, called):
    """A program beside this one: as itself, or for its definitions."""
    path, names = os.path.join(HERE, name), {"__name__": called}
    names["__file__"] = path
    with open(path) as text:
        exec(compile(text.read(), path, "exec"), names)
    return names


def asking(beside):
    """For as-user's main: of what it may run, what changes nothing, and this account in a user's place."""
    with open(beside["roots_alone"](os.path.join(HERE, "programs.json"))) as text:
        allowed = json.load(text)
    me, asks = pwd.getpwuid(os.getuid()), allowed["asks"]
    (os.getuid() > 0 and me.pw_name == allowed["service"]) or beside["no"]("is for %s alone" % allowed["service"])
    own = {kind: {name: allowed[kind][name] for name in asks[kind] if name in allowed[kind]} for kind in asks}
    env = dict(ENVIRONMENT, HOME=me.pw_dir, USER=me.pw_name, LOGNAME=me.pw_name, SHELL=me.pw_shell)
    return dict(allowed, folders=[], tools=[], **own), me, dict(env, **allowed["environment"])


def outward(address, timeout):
    """Not to this machine's own services, nor to those that only root offers."""
    host, port = address
    to = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][4][0]
    ip = ipaddress.ip_address(to.split("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if port < LOWEST_PORT or ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        raise PermissionError("not to port %d of %s" % (port, ip))
    return connect((to, port), timeout)


asked = os.environ.get("SSH_ORIGINAL_COMMAND", "")
account = re.match(r"as ([A-Za-z0-9_][A-Za-z0-9_.@-]{0,63})\Z", asked)
if account:
    os.execvpe("sudo", ["sudo", "-n", "-u", account.group(1), os.path.join(HERE, "as-user")], ENVIRONMENT)
elif asked == "ask":
    beside = run("as-user", "as-user")
    beside["main"](lambda: asking(beside))
elif asked == "tunnels":
    socket.create_connection = outward
    run("relay", "__main__")
else:
    os.write(2, b"gate: this key starts the ways of an hpcbinder endpoint, and nothing else\n")
    sys.exit(77)
