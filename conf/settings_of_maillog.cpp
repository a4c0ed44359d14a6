#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "conf/settings_rows.hpp"
#include "conf/value.hpp"

namespace mxwarden::conf {
namespace {

// Each line of the file brings one more.
Result<void> add(std::vector<std::string>& texts, std::string_view text) {
  if (!text.empty()) texts.emplace_back(text);
  return {};
}

constexpr std::array table{
    Setting{
        .section = "maillog",
        .name = "source",
        .value = "file:/var/log/mail.log",
        .takes = Takes::a_restart,
        .since = this_release,
        .help =
            "Where the mail log comes from: file:/path, followed through its rotation; journal, which is systemd's; "
            "syslog:/path, a socket for a syslog daemon to write to; fifo:/path, made if it is missing; or `-', "
            "standard input. Of a file and of the journal every event leads to what it should once, whatever is "
            "killed meanwhile; of the others what is under way is lost.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.maillog.source, parse_log_source(text)); },
        .print = [](const Source& from) -> Texts { return {to_string(from.settings.maillog.source)}; },
    },
    Setting{
        .section = "maillog",
        .name = "state",
        .value = "/var/lib/mxwarden-maillog",
        .takes = Takes::a_restart,
        .since = this_release,
        .help = "The directory where mxwarden-maillog keeps how far it has read.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.maillog.state, parse_path(text)); },
        .print = [](const Source& from) -> Texts { return {from.settings.maillog.state}; },
    },
    Setting{
        .section = "maillog",
        .name = "recognise",
        .value = "postfix dovecot",
        .since = this_release,
        .help = "Whose lines are looked at: postfix, dovecot, courier, cyrus, uw, qpopper, vm-pop3d. Name none that "
                "does not run here: the fewer, the less there is to be fooled.",
        .read = [](const Place& place,
                   std::string_view text) { return put(place.settings.maillog.recognise, parse_recognisers(text)); },
        .print = [](const Source& from) -> Texts {
          return {fmt::format("{}", fmt::join(from.settings.maillog.recognise, " "))};
        },
    },
    Setting{
        .section = "maillog",
        .name = "helo_forged_text",
        .value = "",
        .since = this_release,
        .help = "What your own restrictions tell a client whose HELO name is forged, as it claims to be you: a part of "
                "the text. Who is told so is listed at once. May stand several times.",
        .read = [](const Place& place,
                   std::string_view text) { return add(place.settings.maillog.helo_forged_texts, text); },
        .print = [](const Source& from) { return from.settings.maillog.helo_forged_texts; },
        .clear = [](const Place& place) { place.settings.maillog.helo_forged_texts.clear(); },
    },
    Setting{
        .section = "maillog",
        .name = "sender_forged_text",
        .value = "",
        .since = this_release,
        .help = "The same for a forged sender, as of a freemail domain that the client is no server of.",
        .read = [](const Place& place,
                   std::string_view text) { return add(place.settings.maillog.sender_forged_texts, text); },
        .print = [](const Source& from) { return from.settings.maillog.sender_forged_texts; },
        .clear = [](const Place& place) { place.settings.maillog.sender_forged_texts.clear(); },
    },
    Setting{
        .section = "maillog",
        .name = "spam_trap_text",
        .value = "",
        .since = this_release,
        .help = "The same for a recipient that only spammers know.",
        .read = [](const Place& place,
                   std::string_view text) { return add(place.settings.maillog.spam_trap_texts, text); },
        .print = [](const Source& from) { return from.settings.maillog.spam_trap_texts; },
        .clear = [](const Place& place) { place.settings.maillog.spam_trap_texts.clear(); },
    },
};

}  // namespace

std::span<const Setting> maillog_settings() {
  return table;
}

}  // namespace mxwarden::conf
