#include "policy/tracker.hpp"

#include <xxhash.h>

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "base/ascii.hpp"
#include "policy/identity.hpp"

namespace mxwarden::policy {
namespace {

constexpr std::uint32_t nowhere = ~std::uint32_t{0};
constexpr RuleMask every_rule = ~RuleMask{0};
constexpr std::size_t usual_sessions = 2000;
constexpr std::size_t usual_recipients = 1;
constexpr std::size_t most_known_recipients = 1000;
// RFC 5321 4.5.3.1 knows no longer ones. Each session may keep one.
constexpr std::size_t longest_recipient = 64 + 1 + 255;
constexpr std::size_t most_known_in_all = 1'000'000;
constexpr std::size_t most_named = std::size_t{16} << 10U;  // bytes of names, of one message
constexpr std::size_t usual_named = 256;
constexpr std::size_t named_as_one = 32;  // so many bytes of names weigh as one known recipient
constexpr int most_connect_requests = 3;
constexpr auto longest_connect_gap = std::chrono::seconds(10);

struct SessionKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  bool operator==(const SessionKey&) const = default;
};

struct SessionKeyHash {
  using is_avalanching = void;
  std::size_t operator()(const SessionKey& key) const { return key.low; }
};

struct Hasher {
  std::uint64_t seed = 0;

  // 0 is no name.
  std::uint64_t name(std::string_view text) const {
    return text.empty() ? 0 : XXH3_64bits_withSeed(text.data(), text.size(), seed) | 1;
  }

  // Parts are kept apart by a byte that no attribute can hold.
  SessionKey key(std::initializer_list<std::string_view> parts) const {
    std::size_t size = parts.size();
    for (const auto part : parts) size += part.size();
    scratch.resize(size);
    auto to = scratch.begin();
    for (const auto part : parts) {
      to = std::ranges::copy(part, to).out;
      *to++ = '\n';
    }
    const auto digest = XXH3_128bits_withSeed(scratch.data(), scratch.size(), seed);
    return {digest.low64, digest.high64};
  }

  std::uint64_t recipient(std::string_view address) const { return name(canonical(address)); }

  // Valid until the hasher is used again.
  std::string_view canonical(std::string_view address) const {
    scratch.clear();
    append_canonical_address(scratch, address, LocalPart::lower_case);
    return scratch;
  }

  mutable std::string scratch;  // kept for its memory
};

// `instance` is PID.SEC.USEC.SEQ in hex; SEQ numbers the messages of a session from 0.
std::string_view pid_of(std::string_view instance) {
  return instance.substr(0, std::min(instance.find('.'), instance.size()));
}

std::uint32_t sequence_of(std::string_view instance) {
  std::uint32_t sequence = 0;
  const auto digits = instance.substr(find_last(instance, '.') + 1);
  std::from_chars(digits.data(), digits.data() + digits.size(), sequence, 16);
  return sequence;
}

SessionKey key_of(const Request& request, const Hasher& hasher) {
  const auto client = request[Attribute::client_address];
  const auto port = request[Attribute::client_port];
  if (!port.empty() && port != "unknown") {
    return hasher.key({client, port, request[Attribute::server_address], request[Attribute::server_port]});
  }
  const auto pid =
      request.peer_pid != 0 ? std::to_string(request.peer_pid) : std::string(pid_of(request[Attribute::instance]));
  return hasher.key({client, "pid", pid});
}

SessionKey key_of(const TcpConnection& connection, const Hasher& hasher) {
  return hasher.key({connection.client.to_string(), std::to_string(connection.client_port),
                     connection.server.to_string(), std::to_string(connection.server_port)});
}

struct Recipient {
  std::uint64_t name = 0;  // hashed
  RuleMask counted_by = 0;
  bool let_pass = false;
  bool named = false;  // it is among the names that are kept
};

struct Message {
  bool begun = false;
  std::uint64_t instance = 0;  // hashed; 0: not named yet
  std::uint32_t sequence = 0;
  std::uint64_t sender = 0;
  std::uint64_t ended_queue_id = 0;  // of its last END-OF-MESSAGE
  RuleMask counted_by = 0;
  std::uint32_t recipients = 0;
  std::uint32_t posts = 0;      // that have come
  std::uint32_t suspected = 0;  // recipients
  std::uint32_t missed = 0;     // that have not
  // Its recipients, those beyond the bound in turn in the last place. Most messages have one.
  boost::container::small_vector<Recipient, usual_recipients> known;
  std::string names;       // canonical, each with a line end, which no attribute can hold
  bool delivered = false;  // an END-OF-MESSAGE of it was let pass

  // known_in_all: what all messages of the tracker know.
  void restart(std::size_t& known_in_all) {
    known_in_all -= known.size() + names.size() / named_as_one;
    // Made anew if it is large, or a message with a thousand would keep its memory for the next: shrink_to_fit() would
    // not go back to the place inside, and the next recipient would cost an allocation.
    if (known.capacity() > usual_recipients) {
      std::destroy_at(&known);
      std::construct_at(&known);
    }
    known.clear();
    if (names.capacity() > usual_named) names = {};
    names.clear();
    delivered = false;
    begun = false;
    instance = 0;
    sequence = 0;
    sender = 0;
    ended_queue_id = 0;
    counted_by = 0;
    recipients = 0;
    posts = 0;
    suspected = 0;
    missed = 0;
  }

  const Recipient* find(std::uint64_t recipient) const {
    const auto found = std::ranges::find(known, recipient, &Recipient::name);
    return found == known.end() ? nullptr : &*found;
  }

  Recipient& find_or_make(std::uint64_t recipient, std::size_t& known_in_all) {
    const auto found = std::ranges::find(known, recipient, &Recipient::name);
    if (found != known.end()) return *found;
    const bool room = known.size() < most_known_recipients && known_in_all < most_known_in_all;
    if (known.empty() || room) {
      known.emplace_back();
      ++known_in_all;
    }
    known.back() = {recipient, 0, false};
    return known.back();
  }

  void keep_name(std::string_view name, std::size_t& known_in_all) {
    if (names.size() + name.size() >= most_named || known_in_all >= most_known_in_all) return;
    known_in_all -= names.size() / named_as_one;
    names += name;
    names += '\n';
    known_in_all += names.size() / named_as_one;
  }
};

// The recipient whose `post` is to follow.
struct Awaited {
  std::string recipient;  // empty: none; kept for its memory
  std::uint64_t name = 0;
  std::uint64_t instance = 0;
};

struct Session {
  SessionKey key;
  std::uint32_t generation = 1;
  std::uint32_t older = nowhere;  // neighbours in the order of last use
  std::uint32_t newer = nowhere;
  Instant last_seen{};
  ProtocolState last_state = ProtocolState::other;
  int connect_requests = 0;
  RuleMask connection_counted_by = 0;
  Message message;
  Awaited awaited;

  // What tells a new connection that has the identity of an old one.
  bool starts_anew(const Request& request, const Hasher& hasher, Instant now) const {
    switch (request.state) {
      case ProtocolState::connect:
        return last_state != ProtocolState::connect || connect_requests >= most_connect_requests ||
               now - last_seen > longest_connect_gap;
      case ProtocolState::xclient:
        return last_state != ProtocolState::xclient;
      case ProtocolState::mail:
      case ProtocolState::rcpt:
      case ProtocolState::data:
      case ProtocolState::end_of_message: {
        const auto instance = request[Attribute::instance];
        return !instance.empty() && message.instance != 0 && hasher.name(instance) != message.instance &&
               sequence_of(instance) <= message.sequence;
      }
      default:
        return false;
    }
  }

  void start(const SessionKey& identity, std::size_t& known_in_all) {
    key = identity;
    ++generation;
    last_state = ProtocolState::other;
    connect_requests = 0;
    connection_counted_by = 0;
    message.restart(known_in_all);
    awaited.recipient.clear();
  }
};

bool is_of_message(ProtocolState state) {
  return state == ProtocolState::mail || state == ProtocolState::rcpt || state == ProtocolState::data ||
         state == ProtocolState::end_of_message;
}

// True if the request begins a message, or, at END-OF-MESSAGE, ends the same transaction once more.
bool follow_message(Session& session, const Request& request, const Hasher& hasher, std::size_t& known_in_all) {
  auto& message = session.message;
  const auto instance = request[Attribute::instance];
  const auto name = hasher.name(instance);
  const auto sender = hasher.name(request[Attribute::sender]);
  bool same = message.begun && message.instance == name;
  if (request.state == ProtocolState::mail) {
    same = same && session.last_state == ProtocolState::mail && message.sender == sender;
  } else if (message.begun && message.instance == 0 && session.last_state == ProtocolState::mail) {
    same = true;  // what follows MAIL names its message
  }
  if (!same) {
    message.restart(known_in_all);
    message.begun = true;
    message.sender = sender;
  }
  message.instance = name;
  message.sequence = sequence_of(instance);
  if (request.state != ProtocolState::end_of_message) return !same;
  const auto queue_id = hasher.name(request[Attribute::queue_id]);
  const bool ended_before = message.ended_queue_id != 0 && message.ended_queue_id != queue_id;
  message.ended_queue_id = queue_id;
  if (ended_before) message.counted_by = 0;
  return !same || ended_before;
}

// What the request shows of the recipient that is awaited.
void resolve(Session& session, const Request& request, const Hasher& hasher, View& view) {
  view.found = request.state == ProtocolState::rcpt && request[Attribute::policy_context] == "post";
  auto& awaited = session.awaited;
  if (awaited.recipient.empty() || request.state == ProtocolState::other) return;
  // Asked before `pre' of the same RCPT, which shows as much: rules about strangers are asked there.
  if (request[Attribute::policy_context] == "relay") return;
  const auto instance = hasher.name(request[Attribute::instance]);
  const bool is_the_same = request.state == ProtocolState::rcpt && instance == awaited.instance &&
                           hasher.recipient(request[Attribute::recipient]) == awaited.name;
  if (is_the_same && !view.found) return;  // another restriction list asks
  const bool is_in_message = awaited.instance == session.message.instance;
  if (is_the_same) {
    if (is_in_message) ++session.message.posts;
  } else {
    view.missed = awaited.recipient;
    view.missed_in = awaited.instance;
    if (is_in_message) ++session.message.missed;
  }
  awaited.recipient.clear();
}

// recipient_count is known at the end. A few more than had their `post' are some that are never asked about, as a bare
// `postmaster' is.
bool denies_missed(const Message& message, const Request& request) {
  if (request.state != ProtocolState::data && request.state != ProtocolState::end_of_message) return false;
  const auto accepted = to_number(request[Attribute::recipient_count]);
  const auto unasked = accepted > message.posts ? accepted - message.posts : 0;
  return message.missed > 0 && unasked > 0 && 2 * unasked >= message.missed;
}

// Takes the request for the session's next. What it brings is in the view, with what was counted of it before.
View follow(Session& session, const Request& request, const Hasher& hasher, std::size_t& known_in_all) {
  if (request.state == ProtocolState::connect) ++session.connect_requests;
  View view;
  view.client = Address::parse(request[Attribute::client_address]);
  resolve(session, request, hasher, view);
  if (is_of_message(request.state)) {
    view.new_message = follow_message(session, request, hasher, known_in_all);
    view.denies_missed = denies_missed(session.message, request);
    view.message_counted_by = session.message.counted_by;
    view.message_recipients = session.message.recipients;
    view.delivered = session.message.delivered;
  }
  view.message = session.message.instance;
  view.message_suspected = session.message.suspected;
  if (request.state == ProtocolState::rcpt) {
    view.recipient = hasher.recipient(request[Attribute::recipient]);
    const auto* known = session.message.find(view.recipient);
    view.new_recipient = known == nullptr || !known->let_pass;
    view.recipient_counted_by = known == nullptr ? 0 : known->counted_by;
  }
  session.last_state = request.state;
  view.connection_counted_by = session.connection_counted_by;
  view.generation = session.generation;
  return view;
}

}  // namespace

struct Tracker::State {
  Options options;
  Hasher hasher;
  std::vector<Session> sessions;
  std::vector<std::uint32_t> unused;
  boost::unordered_flat_map<SessionKey, std::uint32_t, SessionKeyHash> index;
  std::uint32_t oldest = nowhere;
  std::uint32_t newest = nowhere;
  std::size_t known_in_all = 0;  // recipients

  void unlink(std::uint32_t at) {
    auto& session = sessions[at];
    (session.older == nowhere ? oldest : sessions[session.older].newer) = session.newer;
    (session.newer == nowhere ? newest : sessions[session.newer].older) = session.older;
  }

  void link_as_newest(std::uint32_t at) {
    auto& session = sessions[at];
    session.older = newest;
    session.newer = nowhere;
    (newest == nowhere ? oldest : sessions[newest].newer) = at;
    newest = at;
  }

  void forget(std::uint32_t at) {
    unlink(at);
    index.erase(sessions[at].key);
    ++sessions[at].generation;
    sessions[at].message.restart(known_in_all);
    sessions[at].awaited.recipient.clear();
    unused.push_back(at);
  }

  // The session of that key, and whether it was made just now.
  std::pair<std::uint32_t, bool> find_or_make(const SessionKey& key) {
    const auto found = index.find(key);
    if (found != index.end()) return {found->second, false};
    if (index.size() >= options.max_sessions) forget(oldest);
    if (unused.empty()) {
      unused.push_back(static_cast<std::uint32_t>(sessions.size()));
      sessions.emplace_back();
    }
    const auto at = unused.back();
    unused.pop_back();
    index.emplace(key, at);
    sessions[at].start(key, known_in_all);
    link_as_newest(at);
    return {at, true};
  }

  // Where find_or_make() would make the next one, and what is there when it is to start.
  std::uint32_t next_place() const {
    if (index.size() >= options.max_sessions) return oldest;
    return unused.empty() ? static_cast<std::uint32_t>(sessions.size()) : unused.back();
  }
  Session next_session() const {
    const auto at = next_place();
    Session session;
    if (at < sessions.size()) session.generation = sessions[at].generation;
    if (index.size() >= options.max_sessions) ++session.generation;  // it is forgotten first
    return session;
  }

  void use(std::uint32_t at, Instant now) {
    sessions[at].last_seen = now;
    if (at == newest) return;
    unlink(at);
    link_as_newest(at);
  }

  // Null when it was forgotten since.
  Session* find(const View& view) {
    if (view.session >= sessions.size() || sessions[view.session].generation != view.generation) return nullptr;
    return &sessions[view.session];
  }
};

Tracker::Tracker(const Options& options) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->hasher.seed = options.seed;
  state_->sessions.reserve(options.max_sessions);
  // More grow into it: an index for all would be cold memory for the few hundred of an ordinary host.
  state_->index.reserve(std::min<std::size_t>(options.max_sessions, usual_sessions));
}

Tracker::~Tracker() = default;

View Tracker::see(const Request& request, const View* before, Instant now) {
  const auto& hasher = state_->hasher;
  const auto key = key_of(request, hasher);
  const auto* former = before == nullptr ? nullptr : state_->find(*before);
  const bool ends_former = former != nullptr && former->key != key;
  if (ends_former) state_->forget(before->session);
  auto [at, made] = state_->find_or_make(key);
  auto& session = state_->sessions[at];
  if (!made && session.starts_anew(request, hasher, now)) {
    session.start(key, state_->known_in_all);
    made = true;
  }
  state_->use(at, now);

  auto view = follow(session, request, hasher, state_->known_in_all);
  view.session = at;
  view.new_session = made;
  if (ends_former) {
    view.ended_session = before->session;
    view.ended_generation = before->generation;
  }
  return view;
}

View Tracker::preview(const Request& request, Instant now) const {
  const auto& hasher = state_->hasher;
  const auto key = key_of(request, hasher);
  const auto found = state_->index.find(key);
  bool made = found == state_->index.end();
  const auto at = made ? state_->next_place() : found->second;
  auto session = made ? state_->next_session() : state_->sessions[at];
  auto known_in_all = state_->known_in_all;
  made = made || session.starts_anew(request, hasher, now);
  if (made) session.start(key, known_in_all);

  auto view = follow(session, request, hasher, known_in_all);
  view.session = at;
  view.new_session = made;
  return view;
}

void Tracker::settle(const View& view, const Settled& settled) {
  auto* session = state_->find(view);
  if (session == nullptr) return;
  session->connection_counted_by |= settled.connection_counted_by;
  auto& message = session->message;
  message.counted_by |= settled.message_counted_by;
  message.suspected = view.message_suspected;
  if (!settled.awaits_post.empty() && settled.awaits_post.size() <= longest_recipient) {
    session->awaited.recipient = settled.awaits_post;
    session->awaited.name = view.recipient;
    session->awaited.instance = view.message;
  }
  if (session->last_state == ProtocolState::end_of_message && settled.let_pass.value_or(false)) {
    message.delivered = true;
  }
  if (view.recipient == 0 || (settled.recipient_counted_by == 0 && !settled.let_pass)) return;
  auto& recipient = message.find_or_make(view.recipient, state_->known_in_all);
  recipient.counted_by |= settled.recipient_counted_by;
  if (!settled.let_pass || *settled.let_pass == recipient.let_pass) return;
  // What one restriction list let pass, the next may refuse.
  recipient.let_pass = *settled.let_pass;
  recipient.let_pass ? ++message.recipients : --message.recipients;
  if (!recipient.let_pass || recipient.named || settled.recipient.empty()) return;
  recipient.named = true;
  message.keep_name(state_->hasher.canonical(settled.recipient), state_->known_in_all);
}

std::vector<std::string_view> Tracker::recipients(const View& view, const Request& request) const {
  std::vector<std::string_view> all;
  const auto* session = state_->find(view);
  if (session == nullptr) return all;
  const auto& hasher = state_->hasher;
  const auto only = request[Attribute::recipient].empty() ? 0 : hasher.recipient(request[Attribute::recipient]);
  std::string_view names = session->message.names;
  while (!names.empty()) {
    const auto name = names.substr(0, names.find('\n'));
    names.remove_prefix(name.size() + 1);
    const auto hash = hasher.name(name);
    const auto* known = session->message.find(hash);
    if (known != nullptr && known->let_pass && (only == 0 || only == hash)) all.push_back(name);
  }
  return all;
}

void Tracker::adopt(std::span<const TcpConnection> connections, Instant now) {
  for (const auto& connection : connections) {
    const auto at = state_->find_or_make(key_of(connection, state_->hasher)).first;
    state_->sessions[at].connection_counted_by = every_rule;
    // A request at CONNECT may still be on its way: Postfix repeats one that the restart left unanswered.
    state_->sessions[at].last_state = ProtocolState::connect;
    state_->use(at, now);
  }
}

void Tracker::rules_changed() {
  for (auto& session : state_->sessions) {
    session.connection_counted_by = every_rule;
    session.message.counted_by = every_rule;
    for (auto& recipient : session.message.known) recipient.counted_by = every_rule;
  }
}

void Tracker::tick(Instant now) {
  constexpr int most_at_a_time = 1000;
  for (int done = 0; done < most_at_a_time && state_->oldest != nowhere; ++done) {
    if (now - state_->sessions[state_->oldest].last_seen < state_->options.idle) return;
    state_->forget(state_->oldest);
  }
}

std::size_t Tracker::sessions() const {
  return state_->index.size();
}

}  // namespace mxwarden::policy
