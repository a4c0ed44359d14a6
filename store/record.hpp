#pragma once
// What is remembered for longer than a window, of an address or a net: a ban, a relay grant, a listing. There is one of
// each kind for each net.
//
// Times are wall times, as records outlive restarts and travel between hosts; they are kept to the millisecond.
//
// The text form is one JSON object (RFC 8259) with times in milliseconds since 1970. It stands on disk, in Redis and on
// the control socket. A name that a reader does not know is passed over, and one that is missing has its default; so a
// release reads what the next one writes, and a rolling upgrade loses nothing. A number that grows out of its range is
// cut to it.

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace mxwarden::store {

enum class RecordKind : std::uint8_t {
  ban,
  grant,
  listing
};  // the order of Record::what; never changed: it is on disk

inline constexpr std::size_t record_kinds = 3;

// `ban`, `grant`, `listing`.
std::string_view to_string(RecordKind kind);
std::optional<RecordKind> parse_record_kind(std::string_view text);

// Nobody of this net is served.
struct Ban {
  static constexpr std::string_view operators_rule = "operator";

  std::string rule;            // that made it; an operator's own: operators_rule
  std::string reason;          // for people
  std::uint32_t offences = 1;  // how many bans of this net there have been, this one included
  WallTime made{};             // when this one was; 1970: not known

  bool by_operator() const { return rule == operators_rule; }
  bool operator==(const Ban&) const = default;
};

// This address may relay, as somebody has logged in from it. Its net is one address.
struct Grant {
  struct Login {
    std::string name;
    WallTime first{};
    WallTime last{};
    std::uint32_t refreshes = 0;  // logins after the first

    bool operator==(const Login&) const = default;
  };

  std::vector<Login> logins;  // in the order of their first; never empty

  bool operator==(const Grant&) const = default;
};

// This client is known for something, by a list of others or by our own findings.
struct Listing {
  std::string list;         // who lists it: the name of a DNSBL, or our own
  std::string reason;       // as the list gives it
  std::string client_name;  // the client's, when it was last seen; empty: not known
  WallTime first{};         // hits
  WallTime last{};
  WallTime period_began{};  // the running period of the hits
  std::uint64_t hits_in_period = 0;
  std::uint64_t hits = 0;
  bool by_operator = false;           // who has listed it, alone or among others
  std::chrono::milliseconds lasts{};  // after its last hit and the end of its last ban; zero: only until its `until`
  std::uint32_t bans = 0;             // that hits have brought, the latest included
  WallTime banned_until{};            // the latest of them; 1970: there was none
  // By one DNSBL, which has said so of one session; nobody else has.
  bool unconfirmed = false;

  bool operator==(const Listing&) const = default;
};

// Up to where the events of a source (a mail log of a node) are in a record: one that is handed over again, as what was
// kept of it was not acknowledged, changes nothing.
struct Mark {
  std::uint64_t source = 0;  // a hash of its name
  std::uint64_t position = 0;

  bool operator==(const Mark&) const = default;
};

struct Record {
  Prefix net;
  WallTime until{};  // it is in force before this instant
  std::variant<Ban, Grant, Listing> what;
  std::vector<Mark> marks = {};  // of each source one, the latest last; of more than most_record_marks the latest

  RecordKind kind() const { return static_cast<RecordKind>(what.index()); }
  bool operator==(const Record&) const = default;
};

// 0: nothing of that source is in it.
std::uint64_t position_in(const Record& record, std::uint64_t source);
void put_mark(Record& record, const Mark& mark);

// What a text may hold, so that a record stays small wherever it goes: as many bytes of each string, and logins. One
// that holds more, of whoever wrote it, is read as if it had been cut so.
inline constexpr std::size_t longest_record_text = 300;
inline constexpr std::size_t most_record_logins = 50;
inline constexpr std::size_t most_record_marks = 16;

// At the highest number there is a count stays.
template <class Number>
constexpr Number one_more(Number count) {
  return count == std::numeric_limits<Number>::max() ? count : count + 1;
}

// {"kind":"ban","net":"192.0.2.0/24","until":1763770000123,"rule":"operator","reason":"...","offences":1,
// "made":1763766400123}
// Strings are cut to longest_record_text, and what is not UTF-8 in them is replaced; of logins the latest are kept.
std::string to_text(const Record& record);
// The error says what is wrong, and holds nothing of the text.
Result<Record> parse_record(std::string_view text);

}  // namespace mxwarden::store
