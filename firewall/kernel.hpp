#pragma once
// The kernel, as far as we speak to it. The real one is firewall/nftables.hpp; [firewall] mode = monitor has one that
// only says what it would do, and tests have one in memory.
//
// Each call is one transaction, or several where it says so: it blocks until the kernel has answered.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "firewall/layout.hpp"

namespace mxwarden::firewall {

struct Outcome {
  enum class Kind : std::uint8_t {
    done,
    unknown,   // ENOBUFS: the answer was lost; it may be done or not
    missing,   // ENOENT: the table or a set is not there; nothing was done
    full,      // ENFILE, ENOMEM, ENOSPC: no room; nothing was done
    too_long,  // EMSGSIZE: fewer at a time will do; nothing was done
    denied,    // EPERM: nothing was done, and nothing will be
    refused,   // anything else; nothing was done
  };

  Kind kind = Kind::done;
  std::string why;  // a sentence, unless done

  bool ok() const { return kind == Kind::done; }
};

// What is there, as seen at one time.
struct Health {
  bool asked = true;          // false: the kernel did not say (`why`); nothing below is known
  bool whole = true;          // the table, its chain and rules as made here, and all canaries
  bool drops = true;          // false: no packet meets it, as the table or its chain is missing, or dormant
  bool foreign = false;       // there is a table by that name, and it is another's: nothing of ours is in it
  std::string why;            // what is missing or other than it was made, unless whole
  std::uint64_t dropped = 0;  // packets, by the rules as they are now: begins anew with each rebuild
  // As the kernel counts them, by Set, canaries included, and what is over and not yet swept out; nothing: this kernel
  // does not say.
  std::array<std::optional<std::uint64_t>, all_sets.size()> elements{};
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  // The table of this layout with these elements (all with a timeout) and no others, in the place of whatever there is
  // by that name: in one step, so that no packet meets anything between the two.
  virtual Outcome rebuild(const Layout& layout, std::span<const Change> elements) = 0;
  // All of these or none; each element once, intervals not overlapping each other or what is there. Where an element
  // has to be taken out before it can be put in anew (a kernel that does not take both in one step), it is not there in
  // between.
  virtual Outcome commit(std::span<const Change> changes) = 0;
  // Of the table as rebuild() has made it last. Before the first rebuild(): whether there is a table that could be
  // ours: its chain, rules and canaries.
  virtual Health check() = 0;
  // The table is gone, or was not there. One that is another's is refused.
  virtual Outcome remove() = 0;
};

}  // namespace mxwarden::firewall
