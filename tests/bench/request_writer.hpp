#pragma once
// Writes the requests of the load: those of a real Postfix 3.7 in attributes, order and size, each of a new SMTP
// session. A request is copied together from fixed text and a few numbers, so that the load costs little beside the
// server it measures.
//
// Clients are 198.18.0.0 and the addresses that follow it; nothing is sent to them.
// BUGS: a client_port comes round after 64,512 requests.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mxwarden::bench {

// uniform: every client as often as any other; hot: 90 % of the requests from ten clients, the rest uniform; one: all
// from one client.
enum class Mix : std::uint8_t { uniform, hot, one };

// What a session's only request asks about: connect is that of smtpd_delay_reject=no, rcpt that of the default.
enum class Stage : std::uint8_t { connect, rcpt };

inline constexpr std::uint32_t most_clients = 1U << 24;

class RequestWriter {
 public:
  // 1 <= clients <= most_clients.
  RequestWriter(Mix mix, Stage stage, std::uint32_t clients);

  // As smtpd number `smtpd` would ask for its next session. Stays until the next call.
  std::string_view next(std::uint32_t smtpd);

 private:
  std::uint32_t choose_client();
  std::uint64_t random();
  void put(std::string_view text);
  void put_number(std::uint64_t value, int base = 10);
  void put_address(std::uint32_t client, char separator);
  void put_host(std::uint32_t client);
  void put_instance(std::uint32_t smtpd);

  Mix mix_;
  Stage stage_;
  std::uint32_t clients_;
  std::uint64_t random_state_ = 0x9e3779b97f4a7c15;
  std::uint64_t session_ = 0;
  std::array<char, 2048> buffer_{};
  std::size_t length_ = 0;
};

}  // namespace mxwarden::bench
