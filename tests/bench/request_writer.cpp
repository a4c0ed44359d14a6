#include "bench/request_writer.hpp"

#include <charconv>
#include <cstring>

namespace mxwarden::bench {

namespace {

constexpr std::uint32_t first_address = 198U << 24 | 18U << 16;
constexpr std::uint32_t hot_clients = 10;
constexpr std::uint32_t first_pid = 0x1000;
constexpr std::uint64_t first_second = 0x6b00dd32;
constexpr std::uint64_t first_port = 1024;
constexpr std::uint64_t ports = 65536 - first_port;

}  // namespace

RequestWriter::RequestWriter(Mix mix, Stage stage, std::uint32_t clients)
    : mix_(mix), stage_(stage), clients_(clients) {}

std::string_view RequestWriter::next(std::uint32_t smtpd) {
  const bool rcpt = stage_ == Stage::rcpt;
  const std::uint32_t client = choose_client();
  length_ = 0;
  ++session_;

  put(rcpt ? "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\nclient_address="
           : "request=smtpd_access_policy\nprotocol_state=CONNECT\nprotocol_name=SMTP\nclient_address=");
  put_address(client, '.');
  put("\nclient_name=");
  put_host(client);
  put("\nclient_port=");
  put_number(first_port + session_ % ports);
  put("\nreverse_client_name=");
  put_host(client);
  put("\nserver_address=192.0.2.25\nserver_port=25\nhelo_name=");
  if (rcpt) {
    put_host(client);
    put("\nsender=news@");
    put_host(client);
    put("\nrecipient=user");
    put_number(random() % 1000);
    put("@example.org");
  } else {
    put("\nsender=\nrecipient=");
  }
  put("\nrecipient_count=0\nqueue_id=\ninstance=");
  if (rcpt) put_instance(smtpd);
  put("\nsize=");
  if (rcpt) {
    put_number(2000 + random() % 50'000);
  } else {
    put("0");
  }
  put("\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\n"
      "ccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\nencryption_cipher=\nencryption_keysize=0\n"
      "policy_context=pre\n\n");
  return {buffer_.data(), length_};
}

std::uint32_t RequestWriter::choose_client() {
  if (mix_ == Mix::one) return 0;
  const std::uint64_t dice = random();
  const auto upper = static_cast<std::uint32_t>(dice >> 32);
  if (mix_ == Mix::hot && (dice & 0xffff) < 0xffff * 9 / 10)
    return upper % (clients_ < hot_clients ? clients_ : hot_clients);
  return upper % clients_;
}

// splitmix64: the same requests in the same order at each run.
std::uint64_t RequestWriter::random() {
  random_state_ += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = random_state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

void RequestWriter::put(std::string_view text) {
  std::memcpy(buffer_.data() + length_, text.data(), text.size());
  length_ += text.size();
}

void RequestWriter::put_number(std::uint64_t value, int base) {
  char* const begin = buffer_.data() + length_;
  length_ += static_cast<std::size_t>(std::to_chars(begin, buffer_.data() + buffer_.size(), value, base).ptr - begin);
}

void RequestWriter::put_address(std::uint32_t client, char separator) {
  const std::uint32_t address = first_address + client;
  for (int shift = 24; shift >= 0; shift -= 8) {
    put_number(address >> shift & 0xff);
    if (shift > 0) buffer_[length_++] = separator;
  }
}

void RequestWriter::put_host(std::uint32_t client) {
  put("mail-");
  put_address(client, '-');
  put(".bench.example");
}

// PID.SEC.USEC.SEQ in hexadecimal.
void RequestWriter::put_instance(std::uint32_t smtpd) {
  put_number(first_pid + smtpd, 16);
  put(".");
  put_number(first_second + session_ / 1'000'000, 16);
  put(".");
  put_number(session_ % 1'000'000, 16);
  put(".0");
}

}  // namespace mxwarden::bench
