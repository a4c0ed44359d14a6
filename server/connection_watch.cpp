#include "server/connection_watch.hpp"

#include <algorithm>
#include <limits>

#include "server/tcp_dump.hpp"

namespace mxwarden::server {

using boost::system::error_code;

ConnectionWatch::ConnectionWatch(boost::asio::io_context& context, const Clock& clock, TcpTable& table,
                                 policy::Connections& connections, std::function<void(Instant)> looked)
    : clock_(clock),
      table_(table),
      connections_(connections),
      looked_(std::move(looked)),
      timer_(context),
      ports_{25, 465, 587} {}

void ConnectionWatch::start() {
  if (running_) return;
  running_ = true;
  look(clock_.now());
  await_look();
}

void ConnectionWatch::stop() {
  running_ = false;
  timer_.cancel();
}

void ConnectionWatch::await_look() {
  timer_.expires_after(look_interval);
  timer_.async_wait([this](const error_code& error) {
    if (error || !running_) return;
    const auto now = clock_.now();
    look(now);
    looked_(now);
    await_look();
  });
}

void ConnectionWatch::look(Instant now) {
  tried_at_ = now;
  ++statistics_.looks;
  if (const auto read = table_.read(ports_, table_now_); !read) {
    ++statistics_.failed;
    failed_.warn(read.error().message + "; client_conn goes by what it saw before", now);
    return;
  }
  connections_.look(table_now_, now);
}

std::uint32_t ConnectionWatch::count(const policy::Request& request, const policy::View& view, std::uint64_t limit,
                                     Instant now) {
  const bool unseen = is_new_port(request);
  const bool decisive = limit != 0;
  const auto number = connections_.ask(request, view, decisive, now);
  // With what other nodes have, any number may be too many; but one alone is this one, and there is nothing to learn.
  const auto harmless = connections_.shared() ? 1 : limit;
  const bool doubted = decisive && number > harmless && now - tried_at_ > longest_trusted;
  if (!unseen && !doubted) return number;
  look(now);
  return connections_.ask(request, view, decisive, now);
}

std::uint32_t ConnectionWatch::preview(const policy::Request& request, const policy::View& view, Instant now) {
  if (now - tried_at_ > longest_trusted) look(now);
  return connections_.preview(request, view, now);
}

// Notes the port.
bool ConnectionWatch::is_new_port(const policy::Request& request) {
  const auto number = policy::to_number(request[Attribute::server_port]);
  if (number == 0 || number > std::numeric_limits<std::uint16_t>::max()) return false;
  const auto port = static_cast<std::uint16_t>(number);
  const bool known = std::ranges::find(ports_, port) != ports_.end();
  if (ports_named_ && (known || ports_.size() >= most_server_ports)) return false;
  if (!ports_named_) ports_.clear();
  ports_named_ = true;
  ports_.push_back(port);
  return !known;
}

}  // namespace mxwarden::server
