#pragma once
// An authority of the test's own, and what it has signed, in a temporary directory that goes with it.

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "store/redis_tls.hpp"

namespace mxwarden::tests {

inline store::RedisTls::File read_pem(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  return {path, {std::istreambuf_iterator<char>(file), {}}};
}

class Authority {
 public:
  // Files in PEM.
  struct Certificate {
    std::string path;
    std::string key_path;
  };

  Authority() : directory_(make_directory()) {
    run(fmt::format("openssl req -x509 {} -days 2 -subj /CN=authority -keyout {} -out {}", new_key, key(), path()));
  }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;
  ~Authority() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  std::string path() const { return directory_ / "authority.pem"; }
  store::RedisTls::File pem() const { return read_pem(path()); }
  // Another file in the same place.
  std::string file(std::string_view name, std::string_view content) const {
    const std::string at = directory_ / name;
    std::ofstream(at) << content;
    return at;
  }

  // `names`: as subjectAltName has them, `IP:127.0.0.1,DNS:redis.example.org`. With -1 days it expired yesterday.
  Certificate sign(std::string_view names, int days = 2) {
    const std::string stem = directory_ / std::to_string(++signed_);
    run(fmt::format("openssl req -new {} -subj /CN=test -addext subjectAltName={} -keyout {}.key -out {}.csr", new_key,
                    names, stem, stem));
    run(
        fmt::format("openssl x509 -req -in {}.csr -CA {} -CAkey {} -CAcreateserial -days {} -copy_extensions copy "
                    "-out {}.pem",
                    stem, path(), key(), days, stem));
    return {stem + ".pem", stem + ".key"};
  }

  // For redis.conf: a server with this certificate, which takes that of a client if it comes from this authority.
  std::vector<std::string> server(const Certificate& certificate, std::uint16_t port, std::string_view clients) const {
    return {"bind 127.0.0.1",
            fmt::format("tls-port {}", port),
            "tls-cert-file " + certificate.path,
            "tls-key-file " + certificate.key_path,
            "tls-ca-cert-file " + path(),
            fmt::format("tls-auth-clients {}", clients)};
  }

 private:
  static constexpr std::string_view new_key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

  static std::filesystem::path make_directory() {
    std::string name = std::filesystem::temp_directory_path() / "mxwarden-authority-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    return name;
  }
  static void run(const std::string& command) { REQUIRE(std::system((command + " 2>/dev/null").c_str()) == 0); }

  std::string key() const { return directory_ / "authority.key"; }

  std::filesystem::path directory_;
  int signed_ = 0;
};

}  // namespace mxwarden::tests
