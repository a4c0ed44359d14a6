#pragma once
// What the kernel has not taken: how much, which clients that leaves out, and why. Pure.

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <string>

#include "base/address.hpp"
#include "firewall/ban_table.hpp"
#include "firewall/kernel.hpp"
#include "firewall/layout.hpp"

namespace mxwarden::firewall {

class Refusals {
 public:
  // Of several changes together.
  void of_transaction(const Outcome& outcome) { transactions_ += outcome.kind == Outcome::Kind::refused ? 1 : 0; }
  void of_element(const Element& element, const Outcome& outcome);
  std::uint64_t transactions() const { return transactions_; }
  std::uint64_t elements() const { return elements_; }

  // A sentence about the elements since the last one, with the first three of them; empty: there were none.
  std::string news();

  // A client that is to be banned, and is not in the kernel. 10,000 are known, more are only counted.
  void leave_out(const Prefix& client);
  // It may be tried again; true: it was left out.
  bool forget(const Prefix& client) { return left_out_.erase(client) != 0; }
  template <class Is>
  void forget_if(Is is) {
    boost::unordered::erase_if(left_out_, is);
  }
  void forget_all() { left_out_.clear(); }
  std::size_t left_out() const { return left_out_.size(); }

 private:
  std::uint64_t transactions_ = 0;
  std::uint64_t elements_ = 0;
  std::uint64_t said_ = 0;  // of the elements
  std::string because_;
  boost::unordered_flat_set<Prefix, PrefixHash> left_out_;
};

}  // namespace mxwarden::firewall
