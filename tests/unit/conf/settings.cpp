#include "conf/settings.hpp"

#include <doctest/doctest.h>

#include <tuple>

#include "conf/value.hpp"

namespace mxwarden::conf {
using namespace std::chrono_literals;

namespace {

Settings read(std::string_view text, const std::vector<Override>& overrides = {}) {
  Report report;
  auto settings = parse_settings(text, "m.conf", overrides, report);
  for (const auto& fault : report.faults) FAIL(fault.to_string());
  return settings;
}

std::vector<std::string> faults_of(std::string_view text, const std::vector<Override>& overrides = {}) {
  Report report;
  parse_settings(text, "m.conf", overrides, report);
  std::vector<std::string> faults;
  for (const auto& fault : report.faults) faults.push_back(fault.to_string());
  return faults;
}

constexpr auto bulk =
    "[limit bulk]\n"
    "key = client_address/24 + sender.domain\n"
    "count = distinct recipients\n"
    "window = 1h 7d\n"
    "limit = 100 0\n"
    "when = not logged in and helo_name ~ \"^a b\"   # a comment\n"
    "action = 450 4.7.1 Ask postmaster#example\n"
    "mode = monitor\n";

}  // namespace

TEST_CASE("an empty file means the defaults") {
  const auto settings = read("");
  CHECK(settings.server.listen.size() == 1);
  CHECK(to_string(settings.server.listen.front().endpoint) == "inet:127.0.0.1:10040");
  CHECK(settings.server.listen.front().name == "inet:127.0.0.1:10040");
  CHECK(to_string(settings.server.http.value()) == "inet:127.0.0.1:10041");
  CHECK(settings.server.max_connections == 4096);
  CHECK(settings.server.idle_timeout == 1200s);
  CHECK(settings.server.answer_within == 500ms);
  CHECK(settings.log.level == log::Level::info);
  CHECK(settings.log.target == "stderr");
  CHECK_FALSE(settings.server.node.empty());
  CHECK(settings.store.backend == Backend::embedded);
  CHECK(settings.store.max_entries == 1'000'000);
  CHECK(settings.client.ipv4_prefix == 32);
  CHECK(settings.client.ipv6_prefix == 64);
  CHECK(settings.client.access == "/etc/mxwarden/access");
  CHECK(to_string(settings.client.trusted) == "127.0.0.0/8 ::1");
  CHECK(settings.limits.empty());
}

TEST_CASE("repeat offenders and the guards have their defaults") {
  const auto settings = read("");
  const auto& offender = settings.repeat_offender;
  CHECK(offender.mode == Mode::enforce);
  CHECK(offender.rate.count == 1);
  CHECK(offender.rate.within == 30s);
  CHECK(offender.rate_ban == 30min);
  CHECK(offender.total == 50);
  CHECK(offender.total_ban == 7 * 24h);
  CHECK(offender.growth == 2);
  CHECK(offender.max_ban == 30 * 24h);
  CHECK(offender.alert == 25);
  CHECK(settings.client.never_ban.size() == 7);
  CHECK(settings.client.good_record.count == 3);
  CHECK(settings.client.good_record.within == 30 * 24h);
  CHECK(settings.guard.bans_per_minute == 100);
  CHECK(settings.guard.good_record_share == 5);
  CHECK(settings.guard.widest_ipv4 == 24);
  CHECK(settings.guard.widest_ipv6 == 56);
}

TEST_CASE("the limits that are built in have their defaults") {
  const auto settings = read("");
  const auto& rate = settings.client_rate;
  CHECK(rate.name == "client_rate");
  CHECK(rate.mode == Mode::enforce);
  CHECK(rate.key.text == "client_address");
  CHECK(rate.stage == ProtocolState::connect);
  CHECK(rate.counted == Counted::connections);
  REQUIRE(rate.windows.size() == 1);
  CHECK(rate.windows[0].length == 60s);
  CHECK(rate.windows[0].limit == 60);
  CHECK(rate.action.to_string() == "421 4.7.0 Too many connections from {client}, try again later");
  const auto& open = settings.client_conn;
  CHECK(open.name == "client_conn");
  CHECK(open.mode == Mode::enforce);
  REQUIRE(open.windows.size() == 1);
  CHECK(open.windows[0].limit == 20);
  CHECK(open.action.to_string() == "421 4.7.0 Too many open connections from {client}, try again later");
  const auto& recipients = settings.message_recipients;
  CHECK(recipients.name == "message_recipients");
  CHECK(recipients.key.text == "client_address");
  CHECK(recipients.stage == ProtocolState::rcpt);
  CHECK(recipients.counted == Counted::recipients);
  CHECK(recipients.per_message);
  REQUIRE(recipients.windows.size() == 1);
  CHECK(recipients.windows[0].limit == 100);
  CHECK(recipients.when.text == "not logged in");
  CHECK(recipients.action.to_string() == "452 4.5.3 Too many recipients in this message, send the rest in another");
  for (const auto& [name, limit, counted, most] :
       {std::tuple("login_rate", &settings.login_rate, Counted::recipients, 500),
        std::tuple("login_messages", &settings.login_messages, Counted::messages, 0),
        std::tuple("login_sender", &settings.login_sender, Counted::messages, 500)}) {
    CAPTURE(name);
    CHECK(limit->name == name);
    CHECK(limit->mode == Mode::monitor);
    CHECK(limit->key.text == "sasl_username");
    CHECK(limit->stage == ProtocolState::rcpt);
    CHECK(limit->counted == counted);
    REQUIRE(limit->windows.size() == 1);
    CHECK(limit->windows[0].length == 24h);
    CHECK(limit->windows[0].limit == static_cast<std::uint64_t>(most));
    CHECK(limit->action.to_string().starts_with("450 4.7.1 "));
  }
}

TEST_CASE("a file replaces what it says, and --set replaces both") {
  const auto settings = read(
      "\xEF\xBB\xBF# a comment\r\n"
      "[server]\r\n"
      "listen = unix:/run/mx warden,mode=0600,name=mx # here\n"
      "listen=inet:[::1]:10040\n"
      "http =\n"
      "[client]\n trusted = 10.0.0.0/8, ::1\t192.0.2.9\n"
      "[client_rate]\nlimit = 60 600\nwindow = 60s 1h\n",
      {{"client.trusted", "192.0.2.0/24"}, {"client.access", ""}, {"client_rate.limit", "5 50"}});
  REQUIRE(settings.server.listen.size() == 2);
  CHECK(to_string(settings.server.listen[0]) == "unix:/run/mx warden,mode=0600,name=mx");
  CHECK(to_string(settings.server.listen[1]) == "inet:[::1]:10040");
  CHECK_FALSE(settings.server.http.has_value());
  CHECK(to_string(settings.client.trusted) == "192.0.2.0/24");
  CHECK(settings.client.access.empty());
  REQUIRE(settings.client_rate.windows.size() == 2);
  CHECK(settings.client_rate.windows[1].limit == 50);
  CHECK(settings.client_rate.windows[1].length == 1h);
}

TEST_CASE("listeners of --set replace those of the file, all of them") {
  const auto settings = read("[server]\nlisten = unix:/a\nlisten = unix:/b\n",
                             {{"server.listen", "unix:/c"}, {"server.listen", "unix:/d"}});
  REQUIRE(settings.server.listen.size() == 2);
  CHECK(settings.server.listen[0].name == "unix:/c");
  CHECK(settings.server.listen[1].name == "unix:/d");
}

TEST_CASE("a limit of one's own") {
  const auto settings = read(bulk);
  REQUIRE(settings.limits.size() == 1);
  const auto& limit = settings.limits.front();
  CHECK(limit.name == "bulk");
  CHECK(limit.mode == Mode::monitor);
  CHECK(limit.key.parts.size() == 2);
  CHECK(limit.stage == ProtocolState::rcpt);
  CHECK(limit.counted == Counted::distinct_recipients);
  REQUIRE(limit.windows.size() == 2);
  CHECK(limit.windows[1].length == 168h);
  CHECK(limit.windows[1].limit == 0);
  CHECK(limit.when.text == "not logged in and helo_name ~ \"^a b\"");
  CHECK(limit.action.to_string() == "450 4.7.1 Ask postmaster#example");
}

TEST_CASE("the stage of a limit follows from what is counted, and so does a reply") {
  struct Row {
    std::string count;
    ProtocolState stage;
  };
  for (const auto& row : {Row{"connections", ProtocolState::connect}, Row{"messages", ProtocolState::rcpt},
                          Row{"recipients", ProtocolState::rcpt}, Row{"bytes", ProtocolState::end_of_message},
                          Row{"distinct  clients", ProtocolState::rcpt}}) {
    CAPTURE(row.count);
    const auto settings = read("[limit x]\nkey = sender\nwindow = 1h\nlimit = 5\ncount = " + row.count);
    CHECK(settings.limits.front().stage == row.stage);
    CHECK(settings.limits.front().action.to_string() == "450 4.7.1 Limit {rule} exceeded, try again later");
  }
}

TEST_CASE("limits keep the order of the file, and --set can change one or make one") {
  const auto settings = read(
      "[limit b]\nkey = sender\ncount = bytes\nwindow = 1d\nlimit = 4M\n"
      "[limit a]\nkey = sender\ncount = messages\nwindow = 1d\nlimit = 4\n",
      {{"limit.a.limit", "9"},
       {"limit c.key", "recipient"},
       {"limit c.count", "recipients"},
       {"limit.c.window", "message"},
       {"limit.c.limit", "3"}});
  REQUIRE(settings.limits.size() == 3);
  CHECK(settings.limits[0].name == "b");
  CHECK(settings.limits[0].windows.front().limit == 4'194'304);
  CHECK(settings.limits[1].windows.front().limit == 9);
  CHECK(settings.limits[2].name == "c");
  CHECK(settings.limits[2].per_message);
}

TEST_CASE("what is printed reads back to the same") {
  struct Row {
    std::string label;
    std::string text;
    std::vector<Override> overrides;
  };
  for (const auto& row : {
           Row{"defaults", "", {}},
           Row{"a limit", bulk, {}},
           Row{"within a message",
               "[limit m]\nkey=instance\ncount=recipients\nwindow=message\nlimit=5\nwhen=listener in mx out\n",
               {}},
           Row{"everything else",
               "[server]\nlisten=unix:/x,mode=600,name=a\nlisten=inet:[2001:db8::1]:25\nhttp=\nidle_timeout=90s\n"
               "answer_within=1500ms\n[log]\nlevel=WARN\ntarget=file:/var/log/a#b\n[client]\naccess=\ntrusted=\n"
               "ipv4_prefix=24\n[client_rate]\nmode=off\nlimit=0 4294967295\nwindow=1s 366d\naction=DUNNO\n"
               "[message_recipients]\nmode=monitor\nlimit=1\naction=REJECT {rule}\n[store]\nmax_entries=1000",
               {}},
           Row{"logins",
               "[login_rate]\nmode=enforce\nlimit=100 500\nwindow=1h 1d\nstage=END-OF-MESSAGE\naction=HOLD\n"
               "[login_messages]\nmode=off\nlimit=7\nwindow=2h\nstage=MAIL\naction=DUNNO\n"
               "[login_sender]\nmode=enforce\nlimit=3 9\nwindow=1h 1d\nmap=/etc/mxwarden/senders\naction=REJECT Not "
               "yours",
               {}},
           Row{"rates and shares",
               "[client]\ngood_record=off\nnever_ban=\n[repeat_offender]\nrate=OFF\ntotal=0\n[guard]\n"
               "good_record_share=100%\nwidest_ipv4=8\nwidest_ipv6=128\nbans_per_minute=0\n",
               {}},
           Row{"from the command line", "", {{"server.listen", "unix:/#"}, {"client_rate.action", "REJECT a#b c"}}},
       }) {
    CAPTURE(row.label);
    Report report;
    const auto printed = print_settings(parse_settings(row.text, "m.conf", row.overrides, report));
    CAPTURE(printed);
    REQUIRE(report.faults.empty());
    CHECK(print_settings(read(printed)) == printed);
  }
}

TEST_CASE("durations and numbers of a printed file are those that were read") {
  const auto settings = read(print_settings(read(bulk)));
  REQUIRE(settings.limits.size() == 1);
  CHECK(settings.limits[0].windows[1].length == 168h);
  CHECK(settings.limits[0].windows[0].limit == 100);
  CHECK(settings.limits[0].mode == Mode::monitor);
  CHECK(settings.limits[0].when.conditions.size() == 2);
  CHECK(settings.server.idle_timeout == 1200s);
}

TEST_CASE("every fault is said with its line, what was found and what is allowed") {
  struct Row {
    std::string text;
    std::string fault;
  };
  const std::string limit = "[limit x]\nkey = sender\n";
  for (
      const auto& row : {
          // lines
          Row{"[server\n", "m.conf:1: `[server': the `]' of a section is missing"},
          Row{"[server] x\n", "m.conf:1: `x' is not allowed after a section's `]'"},
          Row{"[ ]\n", "m.conf:1: `[]': the name of a section is missing"},
          Row{"[server]\nlisten\n", "m.conf:2: `listen' is neither `[section]' nor `name = value'"},
          Row{"[server]\n= 5\n", "m.conf:2: `= 5' is neither `[section]' nor `name = value'"},
          Row{"\nhttp =\n", "m.conf:2: `http' stands before the first [section]"},
          Row{"[log]\nlevel = \x01\n", "m.conf:2: the line has a control character or is not valid UTF-8"},
          Row{"[log]\n# \xff\n", "m.conf:2: the line has a control character or is not valid UTF-8"},
          // names
          Row{"[sever]\n", "m.conf:1: `sever' is not a section; did you mean server? Allowed are server, log, "},
          Row{"[limit]\n", "m.conf:1: `limit' is not a section; allowed are server, log,"},
          Row{"[server]\nlisten_on = x\n",
              "m.conf:2: `listen_on' is not a setting of [server]; did you mean listen? "
              "Allowed are listen, control, maillog_user, firewall_user, http, node, max_connections, idle_timeout or "
              "answer_within"},
          Row{"[redis]\nadress = x\n", "m.conf:2: `adress' is not a setting of [redis]; did you mean address?"},
          Row{"[client_rate]\nkey = sender\n", "m.conf:2: `key' is not a setting of [client_rate]; allowed are mode, "},
          Row{"[log]\nlevel = info\n\nlevel = warn\n",
              "m.conf:4: level is there already, in line 2; it is allowed once"},
          Row{"[log]\nlevel = info\n[client]\n[log]\nlevel = warn\n", "m.conf:5: level is there already, in line 2"},
          // values
          Row{"[repeat_offender]\nrate = 1\n",
              "m.conf:2: rate: `1' is no rate; write a count from 1 to 1000000 and a time, as in 1/30s, or off"},
          Row{"[repeat_offender]\nrate = 0/30s\n", "m.conf:2: rate: `0/30s' is no rate; write a count from 1"},
          Row{"[repeat_offender]\nrate = -1/30s\n", "m.conf:2: rate: `-1/30s' is no rate"},
          Row{"[repeat_offender]\nrate = 1/\n", "m.conf:2: rate: `'"},
          Row{"[repeat_offender]\nrate = 1/30\n", "m.conf:2: rate: `30'"},
          Row{"[repeat_offender]\ngrowth = 0\n", "m.conf:2: growth: `0' is not allowed; write a whole number from 1"},
          Row{"[guard]\ngood_record_share = 5\n",
              "m.conf:2: good_record_share: `5' is no share; write a whole number of percent, 1% to 100%"},
          Row{"[guard]\ngood_record_share = 101%\n", "m.conf:2: good_record_share: `101%' is no share"},
          Row{"[guard]\nwidest_ipv4 = 7\n", "m.conf:2: widest_ipv4: `7' is not allowed"},
          Row{"[client]\nnever_ban = here\n", "m.conf:2: never_ban: "},
          Row{"[server]\nlisten =\n", "m.conf:2: listen: `' is not an endpoint; allowed are inet:ADDRESS:PORT or"},
          Row{"[server]\nlisten = tcp:1\n", "m.conf:2: listen: `tcp:1' is not an endpoint"},
          Row{"[server]\nlisten = inet:localhost:1\n",
              "m.conf:2: listen: `inet:localhost:1' is not an address and a port"},
          Row{"[server]\nlisten = inet:10040\n", "m.conf:2: listen: `inet:10040' is not an address and a port"},
          Row{"[server]\nlisten = inet:::1:10040\n", "m.conf:2: listen: `inet:::1:10040' is not an address and a port"},
          Row{"[server]\nlisten = inet:[127.0.0.1]:1\n", "m.conf:2: listen: `inet:[127.0.0.1]:1' is not an address"},
          Row{"[server]\nlisten = inet:127.0.0.1:65536\n", "m.conf:2: listen: `inet:127.0.0.1:65536' is not"},
          Row{"[server]\nlisten = unix:run\n", "m.conf:2: listen: `run' is not a path; write one that begins with /"},
          Row{"[server]\nlisten = unix:/" + std::string(107, 'x') + "\n",
              "has 108 bytes; the path of a socket has at most 107"},
          Row{"[server]\nlisten = unix:/x,mode=999\n", "m.conf:2: listen: `999' is not a mode of a file"},
          Row{"[server]\nlisten = inet:127.0.0.1:1,mode=0600\n", "m.conf:2: listen: only a unix: socket has a mode"},
          Row{"[server]\nlisten = unix:/x,name=a b\n", "m.conf:2: listen: `a b' is not a name"},
          Row{"[server]\nlisten = unix:/x,nam=a\n",
              "`nam=a' is not allowed after an endpoint; allowed are mode=0660 and "},
          Row{"[server]\nhttp = unix:/x,name=a\n", "`name=a' is not allowed after an endpoint; allowed are mode=0660"},
          Row{"[server]\nlisten = unix:/x\nlisten = unix:/x,mode=600\n", "m.conf:2: [server] unix:/x is there twice"},
          Row{"[server]\nhttp = inet:127.0.0.1:10040\n", "m.conf:2: [server] inet:127.0.0.1:10040 is there twice"},
          Row{"[server]\nmax_connections = 0\n",
              "m.conf:2: max_connections: `0' is not allowed; write a whole number from "
              "1 to 100000"},
          Row{"[server]\ncontrol = /run/mxwarden/control.sock,mode=0666\n", "takes a path alone, without a comma"},
          Row{"[server]\ncontrol = /" + std::string(107, 'x') + "\n", "the path of a socket has at most 107"},
          Row{"[server]\nidle_timeout = 60\n",
              "m.conf:2: idle_timeout: `60' is not a duration; write a whole number and"},
          Row{"[server]\nidle_timeout = 1ms\n",
              "m.conf:2: idle_timeout: `1ms' is not allowed; write a duration from 1s to 1d"},
          Row{"[server]\nanswer_within = 6s\n", "write a duration from 1ms to 5s"},
          Row{"[log]\nlevel = loud\n",
              "m.conf:2: level: `loud' is not a level; allowed are debug, info, warn or error"},
          Row{"[log]\ntarget = stdout\n",
              "m.conf:2: target: `stdout' is not a target; allowed are stderr, syslog or file:/path"},
          Row{"[store]\nbackend = disk\n", "m.conf:2: backend: `disk' is not a store; allowed are embedded or redis"},
          Row{"[store]\nmax_entries = 999\n",
              "m.conf:2: max_entries: `999' is not allowed; write a whole number from 1000"},
          Row{"[client]\nipv4_prefix = 33\n",
              "m.conf:2: ipv4_prefix: `33' is not allowed; write a whole number from 8 to 32"},
          Row{"[client]\nipv6_prefix = /64\n",
              "m.conf:2: ipv6_prefix: `/64' is not allowed; write a whole number from 16"},
          Row{"[client]\naccess = access\n", "m.conf:2: access: `access' is not a path"},
          Row{"[client]\ntrusted = ::1 mynetworks\n",
              "m.conf:2: trusted: `mynetworks' is not an IP address or a prefix"},
          Row{"[client]\ntrusted = 10.0.0.1/8\n",
              "m.conf:2: trusted: `10.0.0.1/8' has bits set behind its prefix length"},
          Row{"[client_rate]\nmode = on\n", "m.conf:2: mode: `on' is not a mode; allowed are enforce, monitor or off"},
          Row{"[client_rate]\naction = OK\n", "m.conf:2: action: `OK' is not an action; allowed are DUNNO, REJECT"},
          // limits and windows
          Row{"[client_rate]\nlimit = many\n",
              "m.conf:2: limit: `many' is not a limit; write a number up to 4294967295"},
          Row{"[client_rate]\nlimit = 4294967296\n", "`4294967296' is not a limit"},
          Row{"[client_rate]\nlimit = 99999999999999999999\n", "`99999999999999999999' is not a limit"},
          Row{"[client_rate]\nlimit =\n", "m.conf:2: limit: 0 limits; write 1 to 8, as in `60 600'"},
          Row{"[client_rate]\nlimit = 1K\n", "m.conf:2: [client_rate] only bytes have the units K, M and G"},
          Row{"[client_rate]\nwindow =\n", "m.conf:2: window: 0 windows; write 1 to 8"},
          Row{"[client_rate]\nwindow = 60s 0s\n",
              "m.conf:2: window: `0s' is not allowed; write a duration from 1s to 366d"},
          Row{"[client_rate]\nwindow = 367d\n", "write a duration from 1s to 366d"},
          Row{"[client_conn]\nlimit = 5 10\n", "m.conf:2: limit: `5 10' is not allowed; write a whole number from 0"},
          Row{"[client_conn]\nwindow = 60s\n", "m.conf:2: `window' is not a setting of [client_conn]"},
          Row{"[server]\nnode = mx 1\n", "m.conf:2: node: `mx 1' is not a node's name; write 1 to 64 letters"},
          Row{"[limit client_conn]\n", "m.conf:1: `client_conn' is the name of something else already"},
          Row{"[client_rate]\n\nlimit = 60 600\n",
              "m.conf:3: [client_rate] limit has 2 and window 1; write one limit for each"},
          Row{"[client_rate]\nwindow = 60s 1h\n", "m.conf:2: [client_rate] limit has 1 and window 2"},
          Row{"[client_rate]\nwindow = message\n",
              "m.conf:2: [client_rate] `message' is allowed only with count = recipients"},
          Row{"[login_rate]\n\nlimit = 100 500\n", "m.conf:3: [login_rate] limit has 2 and window 1"},
          Row{"[login_rate]\nstage = CONNECT\n", "m.conf:2: [login_rate] recipients cannot be counted at CONNECT"},
          Row{"[login_messages]\nwindow = message\n",
              "m.conf:2: [login_messages] `message' is allowed only with count = recipients and stage = RCPT"},
          Row{"[login_sender]\nmap = senders\n", "m.conf:2: map: "},
          Row{"[message_recipients]\nlimit = 5 6\n",
              "m.conf:2: [message_recipients] there are 2 limits; within one message"},
          Row{"[maillog]\nsource = /var/log/mail.log\n",
              "m.conf:2: source: `/var/log/mail.log' is not where a log comes from; write file:/path, fifo:/path, "
              "syslog:/path, journal or -"},
          Row{"[maillog]\nsource = file:mail.log\n", "m.conf:2: source: "},
          Row{"[maillog]\nrecognise = postfix exim\n",
              "m.conf:2: recognise: `exim' is no program whose lines are known; allowed are postfix, dovecot, courier"},
          Row{"[maillog]\nrecognise = postfix postfix\n", "m.conf:2: recognise: `postfix' is there twice"},
          Row{"[maillog]\nrecognise =\n", "m.conf:2: recognise: there is none; allowed are postfix"},
          Row{"[bad_recipient]\nsource = both\n",
              "m.conf:2: source: `both' is not who tells of recipients; allowed are inline or log"},
          Row{"[bad_recipient]\nconfirm = 0s\n", "m.conf:2: confirm: "},
          Row{"[bad_recipient]\naction = OK\n", "m.conf:2: action: "},
          Row{"[bad_recipient_throttle]\nafter = 0\n", "m.conf:2: after: `0' is not allowed"},
          Row{"[bad_recipient_throttle]\ndelay = 3s\n", "m.conf:2: delay: "},
          Row{"[firewall]\ntable = 1st\n", "m.conf:2: table: `1st' is no name of a table; write 1 to 32 letters"},
          Row{"[firewall]\ntable = a; flush ruleset\n", "m.conf:2: table: `a; flush ruleset' is no name of a table"},
          Row{"[firewall]\nhook = output\n",
              "m.conf:2: hook: `output' is not where packets are looked at; allowed are input, prerouting or forward"},
          Row{"[firewall]\npriority = filter\n",
              "m.conf:2: priority: `filter' is not allowed; write a whole number from -500 to 500"},
          Row{"[firewall]\npriority = -501\n", "m.conf:2: priority: `-501' is not allowed"},
          Row{"[firewall]\npriority = --1\n", "m.conf:2: priority: `--1' is not allowed"},
          Row{"[firewall]\nports = 25 smtp\n",
              "m.conf:2: ports: `smtp' is not allowed; write a whole number from 1 to "},
          Row{"[firewall]\nports = 25, 25\n", "m.conf:2: ports: `25' is there twice"},
          Row{"[firewall]\nports =\n", "m.conf:2: ports: there are 0 ports; write 1 to 16"},
          Row{"[firewall]\nmin_ban = 0s\n", "m.conf:2: min_ban: "},
          Row{"[firewall]\nmax_elements = 0\n", "m.conf:2: max_elements: `0' is not allowed"},
          Row{"[server]\nmaillog_user = a b\n", "m.conf:2: maillog_user: `a b' is not the name of a user"},
          // [limit NAME]
          Row{"[limit Bulk]\n", "m.conf:1: `Bulk' is not a name for a limit; write lower-case letters, digits and `_'"},
          Row{"[limit client_rate]\n", "m.conf:1: `client_rate' is the name of something else already"},
          Row{"[limit greet_pause]\n", "m.conf:1: `greet_pause' is the name of something else already"},
          Row{"[limit connect]\n", "m.conf:1: `connect' is the name of something else already"},
          Row{limit + "[limit x]\n", "m.conf:3: [limit x] is there already, in line 1"},
          Row{limit, "m.conf:1: [limit x] lacks count, window, limit"},
          Row{limit + "colour = red\n", "m.conf:3: `colour' is not a setting of [limit x]; "},
          Row{"[limit x]\nkey = sendr\n",
              "m.conf:2: key: `sendr' is not an attribute of Postfix's policy protocol; did you "
              "mean sender?"},
          Row{limit + "count = mails\n",
              "m.conf:3: count: `mails' is not something that is counted; allowed are connections"},
          Row{limit + "stage = EHLO\n",
              "m.conf:3: stage: `EHLO' is not a stage; allowed are CONNECT, MAIL, RCPT, DATA or"},
          Row{limit + "when = nobody\n", "m.conf:3: when: `nobody' cannot be asked for"},
          Row{limit + "count = connections\nstage = RCPT\nwindow = 1h\nlimit = 5\n",
              "m.conf:4: [limit x] connections cannot be counted at RCPT; allowed is CONNECT"},
          Row{limit + "count = messages\nstage = CONNECT\nwindow = 1h\nlimit = 5\n",
              "messages cannot be counted at CONNECT; allowed is MAIL, RCPT, DATA or END-OF-MESSAGE"},
          Row{limit + "count = bytes\nstage = CONNECT\nwindow = 1h\nlimit = 5\n", "bytes cannot be counted at CONNECT"},
          Row{limit + "count = recipients\nstage = MAIL\nwindow = 1h\nlimit = 5\n",
              "recipients cannot be counted at MAIL"},
          Row{limit + "count = distinct recipients\nstage = DATA\nwindow = 1h\nlimit = 5\n",
              "distinct recipients cannot be counted at DATA; allowed is RCPT"},
          Row{"[limit x]\ncount = bytes\nkey = sender + recipient\nwindow = 1h\nlimit = 5\n",
              "m.conf:3: [limit x] a key with recipient cannot be used at END-OF-MESSAGE, where bytes are counted: "
              "Postfix names no recipient there if a message has several; allowed is stage = RCPT, which counts the "
              "size that the client has announced, or a key without recipient"},
          Row{"[limit x]\nkey = recipient.domain\ncount = recipients\nstage = DATA\nwindow = 1h\nlimit = 5\n",
              "m.conf:4: [limit x] a key with recipient cannot be used at DATA: "},
          Row{"[limit x]\nkey = recipient\ncount = messages\nstage = END-OF-MESSAGE\nwindow = 1h\nlimit = 5\n",
              "m.conf:4: [limit x] a key with recipient cannot be used at END-OF-MESSAGE: "},
          Row{limit + "count = distinct clients\nwindow = 1h\nlimit = 1001\n",
              "m.conf:5: [limit x] for distinct clients a limit is at most 1000"},
          Row{limit + "count = messages\nwindow = message\nlimit = 5\n",
              "m.conf:4: [limit x] `message' is allowed only with count = recipients and stage = RCPT"},
          Row{limit + "count = recipients\nstage = DATA\nwindow = message\nlimit = 5\n",
              "`message' is allowed only with"},
      }) {
    CAPTURE(row.text);
    const auto faults = faults_of(row.text);
    std::string all;
    bool found = false;
    for (const auto& fault : faults) {
      all += fault + "\n";
      found = found || fault.find(row.fault) != std::string::npos;
    }
    CAPTURE(all);
    CHECK(found);
  }
}

TEST_CASE("at most 50 limits of one's own are allowed, which is said once") {
  std::string text;
  for (int at = 0; at < 53; ++at) {
    text += "[limit l" + std::to_string(at) + "]\nkey = sender\ncount = messages\nwindow = 1h\nlimit = 5\n";
  }
  CHECK(faults_of(text) == std::vector<std::string>{"m.conf:251: at most 50 limits are allowed"});
}

TEST_CASE("all faults of a file are named at once, in the order of its lines, those of --set last") {
  const auto faults = faults_of(
      "[server]\n"
      "listen = nowhere\n"
      "max_connections = many\n"
      "[nonsense]\n"
      "anything = 5\n"
      "[client_rate]\n"
      "limit = 1 2\n"
      "[limit x]\n"
      "key = sender\n"
      "broken\n",
      {{"log.level", "loud"}, {"nonsense", "5"}});
  std::string all;
  for (const auto& fault : faults) all += fault.substr(0, fault.find(' ')) + "\n";
  CHECK(all == "m.conf:2:\nm.conf:3:\nm.conf:4:\nm.conf:7:\nm.conf:8:\nm.conf:10:\n--set\n--set\n");
}

TEST_CASE("a wrong --set is a fault of the command line") {
  struct Row {
    std::string key;
    std::string value;
    std::string fault;
  };
  for (const auto& row : {
           Row{"listen", "x", "--set listen: write section.name=value"},
           Row{"server.", "x", "--set server.: write section.name=value"},
           Row{".http", "x", "--set .http: write section.name=value"},
           Row{"sever.http", "x", "--set sever.http: `sever' is not a section; did you mean server?"},
           Row{"server.htp", "x", "--set server.htp: `htp' is not a setting of [server]; did you mean http?"},
           Row{"server.http", "x", "--set server.http: http: `x' is not an endpoint"},
           Row{"client_rate.action", "REJECT see # 5", "a `#' after a blank begins a comment in a file"},
           Row{"client_rate.action", "# 5", "a `#' after a blank begins a comment in a file"},
           Row{"client_rate.action", "REJECT a\nb", "--set client_rate.action: there is a control character"},
           Row{"client_rate.limit", "1 2", "--set client_rate.limit: [client_rate] limit has 2 and window 1"},
           Row{"limit.x.key", "sender", "--set limit.x.key: [limit x] lacks count, window, limit"},
           Row{"limit.X.key", "sender", "--set limit.X.key: `X' is not a name for a limit"},
       }) {
    CAPTURE(row.key);
    const auto faults = faults_of("", {{row.key, row.value}});
    REQUIRE_FALSE(faults.empty());
    CAPTURE(faults.front());
    CHECK(faults.front().find(row.fault) != std::string::npos);
  }
}

TEST_CASE("of two --set of one setting the last one wins") {
  Report report;
  const auto settings = parse_settings("", "m.conf", {{"client_rate.limit", "3"}, {"client_rate.limit", "4"}}, report);
  CHECK(report.faults.empty());
  REQUIRE(settings.client_rate.windows.size() == 1);
  CHECK(settings.client_rate.windows[0].limit == 4);
}

TEST_CASE("a fault in the file is named even if --set replaces the value") {
  CHECK(faults_of("[log]\nlevel = loud\n", {{"log.level", "info"}}).size() == 1);
}

TEST_CASE("a Redis is read, and printed without its password") {
  auto settings = read(
      "[store]\nbackend = redis\n[redis]\naddress = inet:[2001:db8::1]:6380\nuser = mxwarden\n"
      "password_file = /etc/mxwarden/redis.password\ndb = 3\nprefix = mx:a\ndeadline = 50ms\non_error = defer\n");
  CHECK(settings.store.backend == Backend::redis);
  CHECK(to_string(settings.redis.address) == "inet:[2001:db8::1]:6380");
  CHECK(settings.redis.user == "mxwarden");
  CHECK(settings.redis.db == 3);
  CHECK(settings.redis.prefix == "mx:a");
  CHECK(settings.redis.deadline == 50ms);
  CHECK(settings.redis.on_error == OnError::defer);
  settings.redis.password = "secret word";
  const auto printed = print_settings(settings);
  CHECK(printed.find("secret") == std::string::npos);
  CHECK(printed.find("password_file = /etc/mxwarden/redis.password\n") != std::string::npos);
}

TEST_CASE("sentinels are read, and printed so that they read back to the same") {
  const auto settings =
      read("[redis]\nsentinels = 192.0.2.1:26379, 192.0.2.2:26380 [2001:db8::1]:26379\nmaster = my-master_2.a\n");
  CHECK(settings.redis.master == "my-master_2.a");
  REQUIRE(settings.redis.sentinels.size() == 3);
  CHECK(settings.redis.sentinels[1].port == 26380);
  const auto printed = print_settings(settings);
  CHECK(printed.find("sentinels = 192.0.2.1:26379 192.0.2.2:26380 [2001:db8::1]:26379\n") != std::string::npos);
  CHECK(to_string(read(printed).redis.sentinels) == to_string(settings.redis.sentinels));
}

TEST_CASE("TLS is read and printed, without what the files hold") {
  auto settings = read(
      "[redis]\ntls = yes\ntls_ca_file = /ca.pem\ntls_cert_file = /c.pem\ntls_key_file = /c.key\n"
      "tls_name = redis.example.org\n");
  const auto& tls = settings.redis.tls;
  CHECK(tls.on);
  CHECK(tls.authorities.path == "/ca.pem");
  CHECK(tls.certificate.path == "/c.pem");
  CHECK(tls.key.path == "/c.key");
  CHECK(tls.name == "redis.example.org");
  settings.redis.tls.key.content = "secret key";
  const auto printed = print_settings(settings);
  CHECK(printed.find("secret") == std::string::npos);
  CHECK(printed.find("tls = yes\ntls_ca_file = /ca.pem\ntls_cert_file = /c.pem\ntls_key_file = /c.key\n"
                     "tls_name = redis.example.org\n") != std::string::npos);
  CHECK(read("[redis]\ntls_name = 2001:db8::1\n").redis.tls.name == "2001:db8::1");
  CHECK_FALSE(read("").redis.tls.on);
}

TEST_CASE("with sentinels TLS does not look at an address that is not used") {
  CHECK(faults_of("[redis]\ntls = yes\naddress = unix:/r.sock\nsentinels = 192.0.2.1:1\nmaster = m\n").empty());
}

TEST_CASE("what is written for TLS while it is off is a warning each") {
  Report report;
  parse_settings("[redis]\ntls_ca_file = /ca.pem\ntls_name = a.example.org\n", "m.conf", {}, report);
  CHECK(report.faults.empty());
  REQUIRE(report.warnings.size() == 2);
  CHECK(report.warnings[0].to_string() ==
        "m.conf:2: [redis] tls_ca_file has no effect with tls = no: nothing is encrypted");
}

TEST_CASE("sentinels of the file that --set takes away need no master") {
  CHECK(faults_of("[redis]\nsentinels = 192.0.2.1:26379\n", {{"redis.sentinels", ""}}).empty());
}

TEST_CASE("a Redis that cannot be is a fault each") {
  struct Row {
    std::string_view line;
    std::string_view fault;
  };
  for (const auto& row :
       {Row{"address = localhost:6379", "is not an endpoint"},
        Row{"address = inet:127.0.0.1:0", "is not where a Redis"},
        Row{"address = unix:/r.sock,mode=0600", "is not where a Redis"},
        Row{"user = a b", "it has blanks"},
        Row{"password_file = secret", "is not a path"},
        Row{"db = -1", "whole number from 0"},
        Row{"prefix =", "is not a prefix"},
        Row{"prefix = a{b}", "is not a prefix"},
        Row{"deadline = 6s", "a duration from 1ms to 5s"},
        Row{"on_error = panic", "allowed are local, dunno or defer"},
        Row{"tls = maybe", "`maybe' is not an answer; allowed are yes or no"},
        Row{"tls_ca_file = ca.pem", "is not a path"},
        Row{"tls_cert_file = /c.pem", "[redis] tls_cert_file needs a tls_key_file; write both or neither"},
        Row{"tls_key_file = /c.key", "[redis] tls_key_file needs a tls_cert_file; write both or neither"},
        Row{"tls_name = *.example.org", "`*.example.org' is not what a certificate is for"},
        Row{"tls = yes\naddress = unix:/r.sock", "[redis] tls is for networks, and address is a unix socket"},
        Row{"sentinels = 192.0.2.1:26379", "[redis] sentinels need a master; write what they call it"},
        Row{"sentinels = redis.example.org:26379", "`redis.example.org:26379' is not where a sentinel listens"},
        Row{"sentinels = 192.0.2.1:26379 192.0.2.2", "`192.0.2.2' is not where a sentinel listens"},
        Row{"sentinels = 2001:db8::1:26379", "is not where a sentinel listens"},
        Row{"sentinels = 192.0.2.1:0", "is not where a sentinel listens"},
        Row{"sentinels = unix:/run/sentinel.sock", "is not where a sentinel listens"},
        Row{"sentinels = [2001:db8::1]:1, [2001:db8:0::1]:1", "[2001:db8::1]:1 is there twice"},
        Row{"master = mymaster", "[redis] master needs sentinels to say where it is; write them too"},
        Row{"master = my master", "`my master' is not the name of a master; write letters, digits, `-', `_' or `.'"}}) {
    CAPTURE(row.line);
    const auto faults = faults_of("[redis]\n" + std::string(row.line) + "\n");
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].find("m.conf:2: ") == 0);
    CHECK(faults[0].find(row.fault) != std::string::npos);
  }
}

TEST_CASE("[mail_bomb] has its settings, which read back to the same") {
  Report report;
  const auto settings = parse_settings(
      "[mail_bomb]\nmode = enforce\nbytes = 10M\nmessages = 5\nwindow = 2h\n"
      "when = sender not in a@b.example \"\" and client_name !~ \\.bulk\\.example$\naction = DEFER\n",
      "m.conf", {}, report);
  CHECK(report.faults.empty());
  CHECK(report.warnings.empty());
  CHECK(settings.mail_bomb.mode == Mode::enforce);
  CHECK(settings.mail_bomb.bytes == 10 * 1024 * 1024);
  CHECK(settings.mail_bomb.messages == 5);
  CHECK(settings.mail_bomb.window == 2h);
  CHECK(settings.mail_bomb.when.conditions.size() == 2);
  Report again;
  CHECK(print_settings(parse_settings(print_settings(settings), "again", {}, again)) == print_settings(settings));
  CHECK(again.faults.empty());
  struct Row {
    std::string_view line;
    std::string_view fault;
  };
  for (const auto& row :
       {Row{"bytes = 60K", "`60K' is not allowed; write a size of at least 65536"},
        Row{"bytes = 1025G", "`1025G' is not allowed"}, Row{"messages = 0", "`0' is not allowed"},
        Row{"messages = 10001", "`10001' is not allowed"}, Row{"window = 59s", "`59s' is not allowed"},
        Row{"when = sender like x", "when:"}, Row{"action = OK", "action:"}}) {
    CAPTURE(row.line);
    const auto faults = faults_of("[mail_bomb]\n" + std::string(row.line) + "\n");
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].find(row.fault) != std::string::npos);
  }
}

TEST_CASE("settings of later releases are accepted with a warning each") {
  Report report;
  parse_settings("[alert]\nquiet = 1h\n[trap]\nrecipients = /x\n", "m.conf", {{"helo.forged", "/x"}}, report);
  CHECK(report.faults.empty());
  REQUIRE(report.warnings.size() == 3);
  CHECK(report.warnings[0].to_string() ==
        "m.conf:2: quiet of [alert] is reserved for a later release, has no effect yet");
  CHECK(report.warnings[2].to_string() ==
        "--set helo.forged: forged of [helo] is reserved for a later release, has no effect yet");
}

TEST_CASE("a greet pause and what is waited for besides stay below eight seconds together") {
  Report report;
  const auto settings = parse_settings("[greet_pause]\nmode = monitor\npause = 7s\n", "m.conf", {}, report);
  CHECK(report.faults.empty());
  CHECK(settings.greet_pause.mode == Mode::monitor);
  CHECK(settings.greet_pause.pause == std::chrono::seconds(7));
  CHECK(settings.greet_pause.action.to_string().starts_with("554 5.5.1 "));
  CHECK(longest_pause(settings) == std::chrono::milliseconds(7499));
  struct Row {
    const char* text;
    const char* fault;
  };
  for (const auto& row :
       {Row{"[greet_pause]\npause = 0ms\n", "m.conf:2: pause: "},
        Row{"[greet_pause]\npause = 7001ms\n", "m.conf:2: pause: "},
        Row{"[greet_pause]\nmode = on\n", "m.conf:2: mode: "},
        Row{"[greet_pause]\naction = OK\n", "m.conf:2: action: "},
        Row{"[server]\nanswer_within = 5s\n[greet_pause]\npause = 3s\n",
            "m.conf:4: [greet_pause] pause = 3s and [server] answer_within = 5s are together not below 8s; make the "
            "pause 2999ms at most"}}) {
    CAPTURE(row.text);
    const auto faults = faults_of(row.text);
    REQUIRE(faults.size() == 1);
    CHECK(faults[0].find(row.fault) == 0);
  }
}

TEST_CASE("what a mail log is read for has its settings, and texts may stand several times") {
  Report report;
  const auto settings = parse_settings(
      "[maillog]\nsource = syslog:/run/mxwarden-maillog/log\nrecognise = postfix, vm-pop3d\n"
      "helo_forged_text = Forged HELO, you are not me\nhelo_forged_text = You are not me\n"
      "[bad_recipient]\nsource = log\nshare = 40%\nrate = 1/30s\nconfirm = 5m\naction = DEFER no\n"
      "[bad_recipient_throttle]\nmode = monitor\nafter = 3\ndelay = 2s\n",
      "m.conf", {}, report);
  CHECK(report.faults.empty());
  CHECK(settings.maillog.source == LogSource{LogSource::Kind::syslog, "/run/mxwarden-maillog/log"});
  CHECK(settings.maillog.recognise == std::vector<std::string>{"postfix", "vm-pop3d"});
  CHECK(settings.maillog.helo_forged_texts ==
        std::vector<std::string>{"Forged HELO, you are not me", "You are not me"});
  CHECK(settings.maillog.spam_trap_texts.empty());
  CHECK(settings.bad_recipient.source == BadRecipientSource::log);
  CHECK(settings.bad_recipient.share == 40);
  CHECK(settings.bad_recipient.rate.count == 1);
  CHECK(settings.bad_recipient.confirm == 5min);
  CHECK(settings.bad_recipient_throttle.mode == Mode::monitor);
  CHECK(settings.bad_recipient_throttle.after == 3);
  CHECK(settings.bad_recipient_throttle.delay == 2s);
  CHECK(settings.bad_recipient.action.to_string() == "DEFER no");
  CHECK(settings.bad_recipient.ban == 24h * 7);
  Report again;
  CHECK(print_settings(parse_settings(print_settings(settings), "again", {}, again)) == print_settings(settings));
  CHECK(again.faults.empty());
  for (const auto* source : {"file:/var/log/mail.log", "fifo:/run/log", "journal", "-"}) {
    CAPTURE(source);
    CHECK(to_string(parse_log_source(source).value()) == source);
  }
  for (const auto* source : {"file:/var/log/mail.log", "file://var/log/mail.log", "file:/var/./log/x/..//mail.log"}) {
    CAPTURE(source);
    CHECK(to_string(parse_log_source(source).value()) == "file:/var/log/mail.log");
  }
}

TEST_CASE("the firewall's settings are read and printed") {
  const auto settings = read(
      "[firewall]\nmode = monitor\ntable = perimeter_2\nhook = forward\npriority = -150\nports = 25, 465 587\n"
      "min_ban = 1h\nmax_elements = 500\n");
  const auto& firewall = settings.firewall;
  CHECK(firewall.mode == Mode::monitor);
  CHECK(firewall.table == "perimeter_2");
  CHECK(firewall.hook == Hook::forward);
  CHECK(firewall.priority == -150);
  CHECK(firewall.ports == std::vector<std::uint16_t>{25, 465, 587});
  CHECK(firewall.min_ban == std::chrono::hours(1));
  CHECK(firewall.max_elements == 500);
  const auto printed = print_settings(settings);
  CHECK(printed.find("ports = 25 465 587\n") != std::string::npos);
  CHECK(printed.find("priority = -150\n") != std::string::npos);
}

TEST_CASE("a file that is missing is a fault unless it is optional") {
  Report report;
  const auto settings = load_settings("/nonexistent/m.conf", true, {}, report);
  CHECK(report.faults.empty());
  CHECK(settings.server.max_connections == 4096);
  load_settings("/nonexistent/m.conf", false, {}, report);
  REQUIRE(report.faults.size() == 1);
  CHECK(report.faults.front().to_string() == "/nonexistent/m.conf: there is no such file");
  Report folder;
  load_settings("/", true, {}, folder);
  REQUIRE(folder.faults.size() == 1);
  CHECK(folder.faults.front().what.find("cannot be read: ") == 0);
}

}  // namespace mxwarden::conf
