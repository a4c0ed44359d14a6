#pragma once
// What is asked of the kernel about one TCP connection, and its answer taken apart (sock_diag(7), linux/inet_diag.h).
// Bytes in, bytes out: server/tcp_table.hpp has the socket. It costs some microseconds, however many connections there
// are.

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.hpp"
#include "policy/client_socket.hpp"

namespace mxwarden::server {

// Both ends must be of one family.
std::string tcp_question_about(const policy::TcpConnection& connection, std::uint32_t number);

// What one receive has brought: what the socket of the server's end shows of a client that was told nothing yet.
// Nothing: it is no answer to that question. The error says what the kernel refused.
Result<std::optional<policy::ClientSocket>> take_tcp_answer(std::span<const char> datagram,
                                                            const policy::TcpConnection& connection,
                                                            std::uint32_t number);

}  // namespace mxwarden::server
