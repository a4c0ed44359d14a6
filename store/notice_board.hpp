#pragma once
// Where each node puts up what it wants the others to read, for a while: one text for each name, the next in the place
// of the one before. Nothing that anybody depends on: what cannot be put up is not, and comes again with the next.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace mxwarden::store {

struct Notice {
  std::string node;                 // whose it is
  std::optional<std::string> text;  // none: its end has come, or it has never put one up by this name

  bool operator==(const Notice&) const = default;
};

class NoticeBoard {
 public:
  virtual ~NoticeBoard() = default;

  // `name` is of our own making: letters, digits and `/`.
  virtual void put(std::string_view name, std::string_view text) = 0;
  // Of every node that has put up anything within the last day, in no order; its own too. Called once, at once or
  // later. The error says why nobody can be heard now.
  using Read = std::function<void(const Result<std::vector<Notice>>&)>;  // must not throw
  virtual void read(std::string_view name, Read done) = 0;
};

}  // namespace mxwarden::store
