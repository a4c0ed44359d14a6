#pragma once
// What is remembered of the lines before, as a line does not say it: which events an SMTP session has had, and whose a
// message is. Bounded; strangers choose neither pids nor queue ids.

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "maillog/recognise/bounded_table.hpp"
#include "maillog/recognise/peer.hpp"
#include "policy/mail_event.hpp"

namespace mxwarden::maillog {

// An smtpd process is at one session at a time; postscreen, at many, names the client's port.
struct SessionKey {
  Address address;  // postscreen's
  std::uint32_t number = 0;

  static SessionKey of_process(std::uint32_t pid) { return {.address = {}, .number = pid}; }
  static SessionKey of_client(const Peer& peer) { return {.address = peer.address, .number = peer.port}; }

  bool operator==(const SessionKey&) const = default;
};

// As Postfix names a message's file: short (`C6314A72889`), or long and never used again.
class QueueId {
 public:
  QueueId() = default;

  // Nothing: it is none.
  static std::optional<QueueId> parse(std::string_view text);

  std::string_view text() const { return {text_.data(), size_}; }
  bool operator==(const QueueId& other) const { return text() == other.text(); }

 private:
  std::array<char, 31> text_{};
  std::uint8_t size_ = 0;
};

struct KeyHash {
  std::size_t operator()(const SessionKey& key) const;
  std::size_t operator()(const QueueId& id) const;
};

class Memory {
 public:
  struct Message {
    Address client;
    std::string client_name;
    SessionKey session;
  };

  static constexpr std::uint32_t most = 10'000;

  void begin_session(const SessionKey& key, const Address& client) { sessions_.put(key, {client, 0}); }
  void end_session(const SessionKey& key) { sessions_.erase(key); }
  // Whether the session has had such an event before; from now on it has. A session whose begin was not seen begins
  // here, and so does one that is suddenly another client's (XCLIENT, or lines were lost).
  bool again(const SessionKey& key, const Address& client, policy::EventKind kind);

  void begin_message(const QueueId& id, Message message) { messages_.put(id, std::move(message)); }
  void end_message(const QueueId& id) { messages_.erase(id); }
  const Message* message(const QueueId& id) { return messages_.find(id); }

 private:
  struct Session {
    Address client;
    std::uint32_t had = 0;  // a bit for each kind of event
  };

  BoundedTable<SessionKey, Session, KeyHash> sessions_{most};
  BoundedTable<QueueId, Message, KeyHash> messages_{most};
};

}  // namespace mxwarden::maillog
