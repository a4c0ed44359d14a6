#pragma once
// nf_tables over netlink (NETLINK_NETFILTER). The only place of libnftnl and libmnl.
//
// What the kernel makes of it, as measured on 6.18 and read in its source for older ones:
// - A transaction is one or a few messages of up to 64 KB of elements each (NFTA_SET_ELEM_LIST_ELEMENTS is an attribute
//   of 16 bit length; what is longer is silently cut), sent as one datagram, with one acknowledgement asked for at its
//   end. One bad message undoes all of it. ENOBUFS says that an answer was lost, not that anything failed.
// - To add an element that is there changes its timeout only since 6.12. To add, delete and add it again in one
//   transaction does whatever was there before, and to add and delete is a delete that may meet nothing. Whether the
//   running kernel takes that is tried in a table of our own when the object is made; one that does not is given the
//   deletes first, each as may fail alone, and then the adds: if those are refused, what was deleted stays out.
// - Ranges that come where others go in the same transaction are only added, after those: the kernel does not find
//   again what was added where something was deleted.
// - A rule that replaces another has the handle of that. So check() compares all that a rule consists of.
// - CAP_NET_ADMIN is enough, for the size of the socket's buffers (SO_SNDBUFFORCE), too.
//
// Threads: one. Blocks for as long as the kernel takes: for a million elements 1 to 4 s, and 40 MB meanwhile; for a
// thousand changes, or a check, a few milliseconds at most.

#include <memory>

#include "base/result.hpp"
#include "firewall/kernel.hpp"

namespace mxwarden::firewall {

class Nftables final : public Kernel {
 public:
  // The error names what is missing and a remedy: the capability, or nf_tables in the kernel.
  static Result<std::unique_ptr<Nftables>> open(std::string table);
  ~Nftables() override;

  Outcome rebuild(const Layout& layout, std::span<const Change> elements) override;
  Outcome commit(std::span<const Change> changes) override;
  Health check() override;
  Outcome remove() override;

  // For tests: as on a kernel that does not take it.
  void refresh_in_two_steps();

 private:
  struct State;
  explicit Nftables(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace mxwarden::firewall
