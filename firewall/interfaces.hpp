#pragma once
// The addresses of this host, and when they change (rtnetlink(7)).

#include <vector>

#include "base/address.hpp"
#include "base/file_descriptor.hpp"
#include "base/result.hpp"

namespace mxwarden::firewall {

class Interfaces {
 public:
  // The error: they cannot be known.
  static Result<Interfaces> watch();

  // To be polled for POLLIN.
  int fd() const { return fd_.get(); }
  // Whether any address came or went since it was asked last; also if that cannot be said.
  bool changed();
  // As they are now; the last ones that were known, if the kernel does not say.
  const std::vector<Address>& addresses();

 private:
  explicit Interfaces(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
  std::vector<Address> addresses_;
};

}  // namespace mxwarden::firewall
