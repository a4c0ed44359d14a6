#include "store/redis_tls.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/error.hpp>
#include <new>
#include <utility>

namespace mxwarden::store {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

struct Row {
  int reason;  // of OpenSSL
  std::string_view advice;
};

constexpr std::string_view no_tls = "the server does not speak TLS: name its `tls-port`, or write tls = no";
constexpr std::string_view too_old = "the server speaks no TLS 1.2 or 1.3: see its `tls-protocols`";
constexpr std::string_view wants_certificate =
    "the server asks for a certificate of this node: name one in tls_cert_file, or set `tls-auth-clients no` there";
constexpr std::string_view refuses = "the server refuses the handshake: it may want a certificate (tls_cert_file)";
constexpr std::string_view refuses_certificate =
    "the server refuses the certificate in tls_cert_file: see its `tls-ca-cert-file`";

// `alert': what the server has to say about us.
constexpr Row rows[] = {
    {SSL_R_WRONG_VERSION_NUMBER, no_tls},
    {SSL_R_UNSUPPORTED_PROTOCOL, too_old},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, too_old},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, wants_certificate},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, refuses},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, refuses_certificate},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, refuses_certificate},
    {SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE, refuses_certificate},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, refuses_certificate},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, refuses_certificate},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, refuses_certificate},
};

std::string_view advice_for(const error_code& error) {
  if (error.category() != boost::asio::error::get_ssl_category()) return {};
  const int reason = ERR_GET_REASON(static_cast<unsigned>(error.value()));
  const auto* row = std::ranges::find(rows, reason, &Row::reason);
  return row != std::end(rows) ? row->advice : std::string_view();
}

// OpenSSL would ask for it on the terminal.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

// These fail only for want of memory; a check that is not set would be one that is not made.
void must(long succeeded) {
  if (succeeded != 1) throw std::bad_alloc();
}

void expect(SSL* session, const std::string& name) {
  auto* const expected = SSL_get0_param(session);
  if (Address::parse(name)) return must(X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()));
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  must(X509_VERIFY_PARAM_set1_host(expected, name.c_str(), name.size()));
  must(SSL_set_tlsext_host_name(session, name.c_str()));
}

}  // namespace

Result<std::shared_ptr<RedisTls>> RedisTls::make(Options options) {
  const std::shared_ptr<RedisTls> tls(new RedisTls(std::move(options)));
  if (const auto trusted = tls->trust(); !trusted) return trusted.error();
  if (const auto shown = tls->show(); !shown) return shown.error();
  return tls;
}

RedisTls::RedisTls(Options options) : options_(std::move(options)), context_(ssl::context::tls_client) {
  must(SSL_CTX_set_min_proto_version(context_.native_handle(), TLS1_2_VERSION));
  SSL_CTX_set_default_passwd_cb(context_.native_handle(), no_pass_phrase);
  context_.set_verify_mode(ssl::verify_peer);
}

Result<void> RedisTls::trust() {
  error_code error;
  const auto& file = options_.authorities;
  if (file.path.empty()) {
    context_.set_default_verify_paths(error);
    if (error) return Error{fmt::format("the system's authorities cannot be read: {}", error.message())};
    return {};
  }
  context_.add_certificate_authority(boost::asio::buffer(file.content), error);
  // One without any is no error to it.
  const auto* known = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context_.native_handle()));
  if (error || sk_X509_OBJECT_num(known) == 0) return Error{fmt::format("{}: holds no certificate in PEM", file.path)};
  return {};
}

Result<void> RedisTls::show() {
  if (options_.certificate.path.empty()) return {};
  error_code error;
  context_.use_certificate_chain(boost::asio::buffer(options_.certificate.content), error);
  if (error) {
    return Error{fmt::format("{}: holds no certificate in PEM ({})", options_.certificate.path, error.message())};
  }
  const auto key = boost::asio::buffer(options_.key.content);
  context_.use_private_key(key, ssl::context::pem, error);
  if (!error) return {};
  if (ERR_GET_REASON(static_cast<unsigned>(error.value())) == X509_R_KEY_VALUES_MISMATCH) {
    return Error{fmt::format("{}: is not the key of {}", options_.key.path, options_.certificate.path)};
  }
  return Error{fmt::format("{}: holds no key in PEM without a pass phrase ({})", options_.key.path, error.message())};
}

std::unique_ptr<RedisTls::Stream> RedisTls::over(Socket& socket, const RedisServerAddress& server) {
  auto stream = std::make_unique<Stream>(socket, context_);
  expect(stream->native_handle(),
         options_.name.empty() ? std::get<SocketAddress>(server.where).address.to_string() : options_.name);
  return stream;
}

std::string RedisTls::in_words(Stream& stream, const error_code& error) const {
  if (const auto verdict = SSL_get_verify_result(stream.native_handle()); verdict != X509_V_OK) {
    return fmt::format("certificate verify failed: {}; {}", X509_verify_cert_error_string(verdict), remedy(verdict));
  }
  if (error == boost::asio::error::eof || error == ssl::error::stream_truncated) return "the connection was closed";
  const auto advice = advice_for(error);
  return advice.empty() ? error.message() : fmt::format("{} ({})", advice, error.message());
}

std::string RedisTls::remedy(long verdict) const {
  switch (verdict) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "renew it on the server";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "compare the clocks of both hosts";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return options_.name.empty() ? "give the server one for its address, or write the name that it is for in tls_name"
                                   : fmt::format("it is not for {}, the tls_name", options_.name);
    default:
      return options_.authorities.path.empty() ? "name its CA in tls_ca_file"
                                               : fmt::format("is its CA in {}?", options_.authorities.path);
  }
}

}  // namespace mxwarden::store
