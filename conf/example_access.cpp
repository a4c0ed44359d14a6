#include "conf/example_access.hpp"

namespace mxwarden::conf {

std::string example_access() {
  return R"(# access: exceptions for clients, in sendmail's own lines, so that a file can be carried over.
#
#   Tag:key  value
#
# The key is an address, a dotted prefix (206.81.85), a net (192.0.2.0/24), IPv6:2001:db8 (here a /32) or a
# plain IPv6 address, or the name of a host or a domain; example.com also covers the names below it. Names
# are matched against the client_name that Postfix has verified, never against a mere PTR record. Without a
# key an entry is the default of its tag. The most specific entry wins: address, longer prefix, longer name,
# default. A comment begins with # at the beginning of a line or after a blank.
#
# Changes take effect at a reload: systemctl reload mxwardend. To look for mistakes: mxwardend --check-config

# Connect: OK exempts a client from all automatic rules (RELAY is the same here and grants nothing); it does
# not keep Postfix's other restrictions from refusing it. REJECT, DISCARD, and replies as sendmail has them
# or as in mxwarden.conf. Lines without a tag mean Connect.
#Connect:192.0.2.25             OK
#Connect:friend.example         OK
#Connect:206.81.85              REJECT
#Connect:198.51.100.0/24        ERROR:5.7.1:550 We take no mail from this net
#Connect:IPv6:2001:db8:bad      421 4.7.0 Try again later
#203.0.113.7                    ERROR:"550 5.7.1 Please write to postmaster"

# ClientRate: so many connections within the window of [client_rate]; 0: no limit. Each client of a net or a
# domain is counted for itself. Several windows: one number for each.
#ClientRate:                    60
#ClientRate:206.81.85           2
#ClientRate:2001:db8::25        0

# ClientConn: so many connections at a time; 0: no limit. Again each client is counted for itself.
#ClientConn:                    20
#ClientConn:bulk.example        50

# MaxRcpt: so many recipients for each message of a client that is not logged in; 0: no limit.
#MaxRcpt:lists.example          0
#MaxRcpt:198.51.100             10

# GreetPause: so many milliseconds does the client wait for the banner, in the place of the pause of [greet_pause];
# 0: none.
#GreetPause:my.domain           0
#GreetPause:198.51.100          5000

# LoginRate: so many recipients within the window of [login_rate]; 0: no limit; several windows: several numbers. The key is
# a login, or the domain of logins.
#LoginRate:newsletter@example.com 5000
#LoginRate:students.example.com 100
)";
}

}  // namespace mxwarden::conf
