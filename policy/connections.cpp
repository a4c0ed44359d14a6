#include "policy/connections.hpp"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace mxwarden::policy {
namespace {

constexpr std::uint32_t nowhere = ~std::uint32_t{0};
constexpr Duration longest_silence = std::chrono::seconds(30);
constexpr Duration longest_blindness = std::chrono::seconds(5);
constexpr Duration said_again_after = std::chrono::seconds(4);
// When what was said is over by itself (conf::Settings::client_conn), with time to spare.
constexpr Duration said_is_over_after = std::chrono::seconds(15);

// A connection by its two ends, hashed; 0 is none.
using Endpoints = std::uint64_t;

struct EndpointsHash {
  using is_avalanching = void;
  std::size_t operator()(Endpoints endpoints) const { return endpoints; }
};

struct AddressHash {
  using is_avalanching = void;
  std::size_t operator()(const Address& address) const {
    return XXH3_64bits_withSeed(address.bytes().data(), address.bytes().size(), seed);
  }
  std::uint64_t seed = 0;
};

Endpoints endpoints_of(const TcpConnection& connection, std::uint64_t seed) {
  std::array<unsigned char, 38> bytes{};
  auto* to = bytes.data();
  const auto put = [&to](const Address& address, std::uint16_t port) {
    to = std::copy(address.bytes().begin(), address.bytes().end(), to);
    *to++ = static_cast<unsigned char>(address.family());
    *to++ = static_cast<unsigned char>(port >> 8U);
    *to++ = static_cast<unsigned char>(port & 0xffU);
  };
  put(connection.client, connection.client_port);
  put(connection.server, connection.server_port);
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed) | 1U;
}

// Reads an address that is nearly always the same as the last.
class AddressReader {
 public:
  const std::optional<Address>& read(std::string_view text) {
    if (text != text_) {
      text_ = text;
      address_ = Address::parse(text);
    }
    return address_;
  }

 private:
  std::string text_;
  std::optional<Address> address_;
};

struct Client {
  Address network;
  std::uint32_t shown = 0;   // connections in the last look
  std::uint32_t beside = 0;  // sessions that count and are not in it
  std::uint32_t said = 0;
  Instant said_at{};
  bool used = false;  // else its place is free

  std::uint32_t number() const { return shown + beside; }
  void say(std::uint32_t connections, Instant now) {
    said = connections;
    said_at = now;
  }
  bool is_to_be_said(Instant now) const { return number() != said || (said > 0 && now - said_at >= said_again_after); }
  // The others have no number of it that is not over.
  bool is_unsaid(Instant now) const { return said == 0 || now - said_at > said_is_over_after; }
};

// A session that has asked, at the place it has with the tracker.
struct Session {
  std::uint32_t generation = 0;  // of the tracker's session; 0: none
  std::uint32_t client = nowhere;
  std::uint32_t beside_at = nowhere;  // its place among those that count beside the last look
  Endpoints endpoints = 0;
  Instant first_asked{};
  Instant last_asked{};
  Instant missed_at{};     // by a look
  bool was_shown = false;  // by a look: so it is its client's own connection
  bool stands_in = false;

  bool counts() const { return beside_at != nowhere; }
};

}  // namespace

struct Connections::State {
  explicit State(const Options& wanted) : options(wanted), index(0, AddressHash{wanted.seed}) {}

  Address network_of(const Address& address) const {
    return address.masked(address.is_ipv4() ? options.ipv4_prefix : options.ipv6_prefix);
  }

  // Its place; nowhere if there is no room.
  std::uint32_t find_or_make(const Address& network) {
    const auto found = index.find(network);
    if (found != index.end()) return found->second;
    if (index.size() >= options.max_clients) return nowhere;
    if (unused.empty()) {
      unused.push_back(static_cast<std::uint32_t>(clients.size()));
      clients.emplace_back();
    }
    const auto at = unused.back();
    unused.pop_back();
    clients[at] = {};
    clients[at].network = network;
    clients[at].used = true;
    index.emplace(network, at);
    return at;
  }

  void forget_client(std::uint32_t at) {
    index.erase(clients[at].network);
    clients[at].used = false;
    unused.push_back(at);
  }

  // Counts beside the last look from now on.
  void enter(std::uint32_t at, std::uint32_t client) {
    auto& session = sessions[at];
    session.client = client;
    session.beside_at = static_cast<std::uint32_t>(beside.size());
    beside.push_back(at);
    ++clients[client].beside;
  }

  void leave(std::uint32_t at) {
    auto& session = sessions[at];
    if (!session.counts()) return;
    --clients[session.client].beside;
    sessions[beside.back()].beside_at = session.beside_at;
    beside[session.beside_at] = beside.back();
    beside.pop_back();
    session.beside_at = nowhere;
  }

  void end(std::uint32_t at, std::uint32_t generation) {
    if (at >= sessions.size() || sessions[at].generation != generation) return;
    leave(at);
    sessions[at].generation = 0;
  }

  bool is_blind(Instant now) const { return !looked_at || now - *looked_at > longest_blindness; }
  bool shows(Endpoints endpoints) const { return endpoints != 0 && shown.contains(endpoints); }

  // Of the connection that asks; 0: it is not known.
  Endpoints endpoints_of_request(const Request& request, const Address& client) {
    const auto client_port = to_number(request[Attribute::client_port]);
    const auto server_port = to_number(request[Attribute::server_port]);
    const auto& server = server_addresses.read(request[Attribute::server_address]);
    if (client_port == 0 || server_port == 0 || !server) return 0;
    return endpoints_of(
        {client, static_cast<std::uint16_t>(client_port), *server, static_cast<std::uint16_t>(server_port)},
        options.seed);
  }

  void take_shown(std::span<const TcpConnection> connections);
  void compare(std::uint32_t at, Instant begun);
  bool begin(const Request& request, const View& view, Instant now);
  bool is_counted(const Request& request, std::uint32_t at, std::uint32_t client, bool is_new, Instant now);

  Options options;
  AddressReader server_addresses;
  std::vector<Client> clients;
  std::vector<std::uint32_t> unused;
  boost::unordered_flat_map<Address, std::uint32_t, AddressHash> index;
  std::size_t next_to_say = 0;

  std::vector<Session> sessions;      // as many as the tracker has places
  std::vector<std::uint32_t> beside;  // of the sessions, those that count beside the last look

  boost::unordered_flat_set<Endpoints, EndpointsHash> shown;  // by the last look
  std::optional<Instant> looked_at;
};

void Connections::State::take_shown(std::span<const TcpConnection> connections) {
  shown.clear();
  for (auto& client : clients) client.shown = 0;
  for (const auto& connection : connections) {
    // The kernel may show one twice that moves while the table is read.
    if (!shown.insert(endpoints_of(connection, options.seed)).second) continue;
    const auto client = find_or_make(network_of(connection.client));
    if (client != nowhere) ++clients[client].shown;
  }
}

// A session that counted beside the former look, with the new one.
void Connections::State::compare(std::uint32_t at, Instant begun) {
  auto& session = sessions[at];
  if (shows(session.endpoints)) {
    session.was_shown = true;
    leave(at);
  } else if (session.stands_in) {
    if (begun - session.last_asked > longest_silence) leave(at);
  } else if (session.first_asked < begun) {
    session.missed_at = begun;
    leave(at);
  }
}

// True if the session has not asked before.
bool Connections::State::begin(const Request& request, const View& view, Instant now) {
  if (view.session >= sessions.size()) sessions.resize(view.session + std::size_t{1});
  auto& session = sessions[view.session];
  const bool is_new = session.generation != view.generation;
  if (is_new) {
    leave(view.session);  // another one, whose place this was
    session = {};
    session.generation = view.generation;
    session.endpoints = endpoints_of_request(request, *view.client);
    session.first_asked = now;
  }
  session.last_asked = now;
  return is_new;
}

// Whether the session is in its client's number; it enters it if it is to.
bool Connections::State::is_counted(const Request& request, std::uint32_t at, std::uint32_t client, bool is_new,
                                    Instant now) {
  auto& session = sessions[at];
  if (shows(session.endpoints)) {
    session.was_shown = true;
    leave(at);
    return true;
  }
  if (session.counts()) return true;
  if (session.was_shown) return false;
  // One of those that the look shows, most likely.
  if (session.endpoints == 0 && clients[client].shown > 0) return true;
  if (!is_new && !session.stands_in && now <= session.missed_at) return false;
  session.stands_in = session.stands_in || !is_new || request.state == ProtocolState::xclient;
  enter(at, client);
  return true;
}

Connections::Connections(const Options& options) : state_(std::make_unique<State>(options)) {}
Connections::~Connections() = default;

void Connections::reset(int ipv4_prefix, int ipv6_prefix) {
  auto options = state_->options;
  options.ipv4_prefix = ipv4_prefix;
  options.ipv6_prefix = ipv6_prefix;
  state_ = std::make_unique<State>(options);
}

void Connections::look(std::span<const TcpConnection> connections, Instant begun) {
  auto& state = *state_;
  state.looked_at = begun;
  state.take_shown(connections);
  // From the end: one that leaves gives its place to the last.
  for (auto left = state.beside.size(); left > 0; --left) state.compare(state.beside[left - 1], begun);
  for (std::uint32_t at = 0; at < state.clients.size(); ++at) {
    const auto& client = state.clients[at];
    if (client.used && client.number() == 0 && (!state.options.shared || client.is_unsaid(begun))) {
      state.forget_client(at);
    }
  }
}

std::uint32_t Connections::ask(const Request& request, const View& view, bool decisive, Instant now) {
  auto& state = *state_;
  state.end(view.ended_session, view.ended_generation);
  if (!view.client) return 0;
  const bool is_new = state.begin(request, view, now);
  const auto client = state.find_or_make(state.network_of(*view.client));
  if (client == nowhere) return 1;
  const bool counted = state.is_counted(request, view.session, client, is_new, now);
  const auto number = state.is_blind(now) ? 1 : state.clients[client].number() + (counted ? 0 : 1);
  if (decisive) state.clients[client].say(number, now);
  return number;
}

std::uint32_t Connections::preview(const Request& request, const View& view, Instant now) const {
  auto& state = *state_;
  if (!view.client) return 0;
  const auto found = state.index.find(state.network_of(*view.client));
  if (found == state.index.end() || state.is_blind(now)) return 1;
  const auto& client = state.clients[found->second];
  // Who has the place that the tracker gives the session; another one would leave it.
  const Session nobody;
  const auto& there = view.session < state.sessions.size() ? state.sessions[view.session] : nobody;
  const bool is_new = there.generation != view.generation;
  const auto others = client.number() - (there.counts() && there.client == found->second ? 1 : 0);
  const auto endpoints = is_new ? state.endpoints_of_request(request, *view.client) : there.endpoints;
  if (state.shows(endpoints)) return others;
  const bool counts_by_itself = !is_new && (there.counts() || there.was_shown);
  // As is_counted(): one of those that the look shows, most likely.
  if (endpoints == 0 && client.shown > 0 && !counts_by_itself) return others;
  return others + 1;
}

void Connections::closed(const View& view) {
  auto& state = *state_;
  if (view.session >= state.sessions.size()) return;
  const auto& session = state.sessions[view.session];
  // Others can be found in the table; with smtpd_policy_service_request_limit this is no end either.
  if (session.generation == view.generation && session.stands_in) state.leave(view.session);
}

void Connections::unsaid(Instant now, std::size_t most, std::vector<Number>& numbers) {
  numbers.clear();
  auto& state = *state_;
  if (state.is_blind(now)) return;
  for (std::size_t looked = 0; looked < state.clients.size() && numbers.size() < most; ++looked) {
    if (state.next_to_say >= state.clients.size()) state.next_to_say = 0;
    const auto& client = state.clients[state.next_to_say++];
    if (client.used && client.is_to_be_said(now)) numbers.push_back({client.network, client.number()});
  }
}

void Connections::said(std::span<const Number> numbers, Instant now) {
  for (const auto& number : numbers) {
    const auto found = state_->index.find(number.client);
    if (found == state_->index.end()) continue;
    auto& client = state_->clients[found->second];
    // A request may have said another one since.
    if (client.said_at <= now) client.say(number.connections, now);
  }
}

bool Connections::shared() const {
  return state_->options.shared;
}

std::size_t Connections::connections() const {
  std::size_t all = 0;
  for (const auto& client : state_->clients) all += client.used ? client.number() : 0;
  return all;
}

std::size_t Connections::clients() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(state_->clients, [](const Client& client) { return client.used && client.number() > 0; }));
}

}  // namespace mxwarden::policy
