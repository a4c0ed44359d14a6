"""Includes go in one direction, and libraries stay in their rooms.

The folders' include paths keep a wrong one from compiling; here it has a name and a reason.
"""

import re

import gate

# Who may include whom, besides itself.
ALLOWED = {
    "base": [],
    "conf": ["base"],
    "store": ["base"],
    "policy": ["base", "conf", "store"],
    "server": ["base", "conf", "store", "policy"],
    "maillog": ["base", "conf", "store", "policy"],
    "firewall": ["base", "conf"],
    "cli": ["base", "store"],
}

# A library's headers, and where alone they may be included: folders or files.
ROOMS = {
    r"boost/asio\b": ["server/", "maillog/", "store/asio.cpp", "store/redis_connection.", "store/redis_notice_board.", "store/redis_records.",
                     "store/redis_socket.", "store/redis_store.", "store/redis_tls.", "store/sentinel_watch.",
                     "store/wake_timer.", "tests/"],
    r"(openssl/|boost/asio/ssl\b)": ["store/asio.cpp", "store/redis_socket.", "store/redis_tls."],
    r"boost/beast\b": ["server/"],
    r"boost/json\b": ["base/json.cpp", "store/record.cpp", "policy/mail_event.", "server/control", "maillog/", "firewall/told.cpp",
                      "cli/", "tests/"],
    r"sqlite3\.h": ["store/record_file.cpp", "tests/"],
    r"hiredis/": ["store/redis_wire.cpp"],
    r"(libmnl|libnftnl)/|linux/netfilter": ["firewall/nftables.cpp"],
    r"boost/program_options": ["conf/", "server/command_line", "server/main.cpp"],
    r"spdlog/": ["base/log."],
    r"prometheus/": ["server/metrics.cpp"],
    r"re2/": ["conf/pattern.cpp"],
    r"idn2\.h": ["base/idna.cpp"],
    r"systemd/": ["base/notify.cpp", "server/"],
    r"doctest/": ["tests/"],
    r"(sys/socket|netinet/.*|arpa/inet|sys/un|linux/.*)\.h": ["base/address.", "base/own_addresses.", "store/redis_socket.", "server/", "maillog/",
                                                                     "firewall/control_socket.", "firewall/interfaces.", "firewall/nftables.cpp",
                                                                     "firewall/privilege.",
                                                                     "cli/control_client.",
                                                                     "tests/"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)

faults = []
files = gate.sources(*gate.FOLDERS, "tests")
for path in files:
    name = str(path.relative_to(gate.ROOT))
    folder = name.split("/")[0]
    for header in INCLUDE.findall(path.read_text()):
        target = header.split("/")[0]
        if folder in ALLOWED and target in ALLOWED and target not in [folder, *ALLOWED[folder]]:
            faults.append(f"{name}: {folder}/ may not include {header}")
        for library, rooms in ROOMS.items():
            if re.match(library, header) and not name.startswith(tuple(rooms)):
                faults.append(f"{name}: {header} belongs to {', '.join(rooms)} alone")
gate.finish(faults, f"{len(files)} files")
