#include "conf/settings_table.hpp"

#include <array>

#include "conf/settings_rows.hpp"

namespace mxwarden::conf {
namespace {

constexpr std::array all_sections{
    Section{"server", "Where mxwardend listens, and how long it waits."},
    Section{"log", "What is logged, and where to."},
    Section{"store", "Where the counts and the records are kept."},
    Section{"redis",
            "The Redis that the nodes share, with `backend = redis' in [store]. docs/redis.md says how to set it up."},
    Section{"client", "How clients are told apart, and which of them are our own."},
    Section{
        "client_conn",
        "How many connections a client may have open at a time, over all nodes. Each node looks into its kernel's "
        "table of connections twice a second, so that connections on which nothing is said count as well, and none "
        "that is closed at both ends. An entry ClientConn: of the access table gives a client, a net or a domain a "
        "limit of its "
        "own; "
        "each client is counted for itself nevertheless. Trusted and logged-in clients and those with Connect: OK are "
        "exempt."},
    Section{
        "client_rate",
        "How often a client may connect. An entry ClientRate: of the access table gives a client, a net or a domain a "
        "limit of its own; each client is counted for itself nevertheless. Trusted and logged-in clients and those "
        "with Connect: OK are exempt."},
    Section{"greet_pause",
            "An honest client waits for the banner before it says anything; many a robot does not. The banner is held "
            "back for `pause', and who has spoken by then is refused. This needs smtpd_delay_reject = no and a "
            "question in smtpd_client_restrictions: else the banner is gone before anything is asked, and nothing is "
            "held back. Behind a proxy, and after XCLIENT, the client's socket is not at this host: nobody waits "
            "there, and nobody is refused. An entry GreetPause: of the access table gives a client, a net or a domain "
            "a pause of its own. Trusted clients, those with Connect: OK and those with a good record do not wait. An "
            "smtpd process is busy while a client waits; when 1000 do, the others do not."},
    Section{"message_recipients",
            "How many recipients one message may have, if the client is neither logged in nor trusted. The recipients "
            "up to the limit get the message, the others are refused for now, and an honest server sends them in "
            "another message. An entry MaxRcpt: of the access table gives a client a limit of its own."},
    Section{"login_rate",
            "To how many recipients a login may send: each recipient of each message counts once, over all of the "
            "login's addresses and sessions. A stolen password shows here first. An entry LoginRate: of the access "
            "table gives a login, or all logins of a domain, limits of their own: a number for each window. Clients "
            "with Connect: OK are exempt."},
    Section{"login_messages",
            "The same for messages: how many a login may send, however many recipients each has. There is no limit "
            "until one is written."},
    Section{"login_sender",
            "How many messages a login may send with a sender that is not its own. Its own are all addresses of the "
            "domain that the login name has after its @, and what `map' lists for it. Not counted are the null sender "
            "<>, a sender without a domain, and, as nobody can know what belongs to it, a login without a domain that "
            "`map' does not name. Clients with Connect: OK are exempt."},
    Section{
        "relay_grant",
        "Who has fetched mail with a password may send some from the same address (POP before SMTP). Asked only where "
        "`policy_context' is relay (postfix-snippets/relay-grant.cf); a trusted, private or own address never has a "
        "grant."},
    Section{"listing",
            "A client that is listed, by a blocklist or by our own findings, is refused from its first command on. "
            "Trusted and logged-in clients and those with Connect: OK are exempt."},
    Section{"repeat_offender",
            "A listed client that keeps coming is banned for a time, on either of two thresholds. An attempt of it is "
            "one SMTP session that was refused because of the listing, however many commands it had; while it is "
            "banned none is counted."},
    Section{
        "bad_recipient",
        "Who guesses addresses is found by the distinct recipients that do not exist: more of them than `distinct', "
        "which are more than `share' of all that the client has tried. Such a client is listed, and banned. A list "
        "server with some stale addresses stays below the share. With source = inline nothing but "
        "reject_unlisted_recipient may stand between the two questions, as whom anything else refuses there looks as "
        "if he did not exist; and a recipient counts only if another one of its domain was accepted before it, and one "
        "after, and no recipient that was accepted within `forget' is missed meanwhile, as it is when a recipient "
        "table of Postfix is down. The last recipient of an SMTP session that then ends never counts."},
    Section{
        "bad_recipient_throttle",
        "Who has tried some recipients that do not exist in one message waits for each further answer in it: at RCPT "
        "(where policy_context is pre), DATA and END-OF-MESSAGE. It goes by the questions that [bad_recipient] "
        "source = inline goes by, whatever its mode and source; nobody else waits. Trusted and logged-in clients "
        "and those with Connect: OK do not either. An smtpd process is busy while a client waits; when 1000 do, the "
        "others do not."},
    Section{
        "mail_bomb",
        "Who fills a mailbox: a client that delivers more than `messages' messages and more than `bytes' bytes from "
        "one sender to one recipient within `window'. From then on just this is put off at RCPT TO: mail of this "
        "sender to this recipient from this client, until enough of it is older than `window'. Mail of other senders "
        "from the same client goes on, as does that of the same sender to others or from elsewhere, and the other "
        "recipients of a message get it. Who has one sender address for each message is not found so; a [limit] with "
        "the key client_address + recipient finds him. Postfix must ask at RCPT TO and at END-OF-MESSAGE. Trusted "
        "and logged-in clients and those with Connect: OK are exempt."},
    Section{"guard",
            "What rules may do by themselves. They never ban or list what is trusted, in never_ban or an address of "
            "this host, nor what an entry Connect: OK covers."},
    Section{"maillog",
            "What mxwarden-maillog reads, and what it looks for there; it has a reload of its own. [server] control "
            "and node, "
            "and [log], are for both daemons: with a file as the log's target, each needs a file of its own (--set)."},
    Section{"firewall",
            "What mxwarden-firewall does: the kernel drops the new connections of clients that are banned for long, in "
            "a table of nftables of its own. It has a reload of its own. Nothing in [client] trusted or never_ban, no "
            "address of this host and no net wider than [guard] allows goes there, whoever banned it."},
    Section{any_limit,
            "A limit of your own; as many as 50 such sections, each with a NAME of lower-case letters, digits and `_'. "
            "They are asked in the order of this file, and what one of them refuses is not counted. This one is an "
            "example: who is logged in may send to 500 recipients an hour and 2000 a day."},
};

std::vector<Setting> all_settings() {
  std::vector<Setting> all;
  for (const auto rows : {server_settings(), redis_settings(), client_settings(), record_settings(),
                          mail_bomb_settings(), maillog_settings(), firewall_settings()}) {
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

std::string_view table_section(std::string_view section) {
  return section.starts_with(limit_prefix) ? any_limit : section;
}

}  // namespace

std::span<const LimitSection> limit_sections() {
  static constexpr std::array all{
      LimitSection{"client_conn", client_conn_draft, &Settings::client_conn},
      LimitSection{"client_rate", client_rate_draft, &Settings::client_rate},
      LimitSection{"message_recipients", message_recipients_draft, &Settings::message_recipients},
      LimitSection{"login_rate", login_rate_draft, &Settings::login_rate},
      LimitSection{"login_messages", login_messages_draft, &Settings::login_messages},
      LimitSection{"login_sender", login_sender_draft, &Settings::login_sender},
  };
  return all;
}

std::span<const Section> sections() {
  return all_sections;
}

std::span<const Setting> settings_table() {
  static const auto table = all_settings();
  return table;
}

const Setting* find_setting(std::string_view section, std::string_view name) {
  section = table_section(section);
  for (const auto& setting : settings_table()) {
    if (setting.section == section && setting.name == name) return &setting;
  }
  return nullptr;
}

std::vector<std::string_view> setting_names(std::string_view section) {
  section = table_section(section);
  std::vector<std::string_view> names;
  for (const auto& setting : settings_table()) {
    if (setting.section == section) names.push_back(setting.name);
  }
  return names;
}

}  // namespace mxwarden::conf
