#pragma once
// One request of the control socket as the operations see it: its members, who asks, and where the answer goes.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "server/control_operations.hpp"
#include "store/record.hpp"

namespace mxwarden::server {

enum class Need : std::uint8_t { required, optional };

// The members of a request. A fault is kept, and what is read after it is empty: to be asked for once, at the end.
class Members {
 public:
  explicit Members(const boost::json::object& object) : object_(object) {}

  // 1 to `longest` bytes without control characters.
  std::string text(std::string_view name, Need need, std::size_t longest = store::longest_record_text);
  std::optional<Prefix> net(std::string_view name, Need need);
  std::optional<Address> address(std::string_view name, Need need);
  // From 1 to `most`; `what` is what the sentence about a fault calls it.
  std::optional<std::uint64_t> number(std::string_view name, Need need, std::uint64_t most, std::string_view what);
  // In milliseconds; ten years at most.
  std::optional<std::chrono::milliseconds> duration(std::string_view name, Need need);
  bool flag(std::string_view name, Need need = Need::optional);
  // From 0 on; nothing: it is missing.
  std::optional<std::uint64_t> count(std::string_view name);
  // These live as long as the request; null: there is none.
  const boost::json::array* array(std::string_view name, Need need);
  const boost::json::object* object(std::string_view name, Need need);
  // `kind`.
  store::RecordKind kind();

  // Something is wrong that only who reads it can tell. The first fault is kept.
  void fail(std::string sentence);
  // What is wrong; empty: nothing. Only now it is known which members there may be.
  const std::string& fault();

 private:
  const boost::json::value* find(std::string_view name, Need need, std::string_view allowed);
  void wrong(std::string_view name, std::string_view allowed);

  const boost::json::object& object_;
  std::vector<std::string_view> known_{"op"};
  std::string fault_;
};

// `text` as UTF-8 and short enough for an answer, however it is escaped there.
inline constexpr std::size_t longest_sentence = 10'000;
std::string cut_sentence(std::string_view text);

// Where the answer goes, which may be after the call.
struct Reply {
  bool first = false;
  ControlOperations::Answered answered;

  // `members` as JSON, without braces.
  void ok(std::string_view members = {}) const;
  void ok(const boost::json::object& members) const;
  void error(std::string_view sentence) const;
};

struct Call {
  const ControlOperations::Daemon& daemon;
  const ControlPeer& peer;
  Members members;
  Reply reply;
  std::unique_ptr<ControlStream> stream = nullptr;  // goes on after the answer

  // Answered, if something is wrong.
  bool faulty();
  // Answers, and goes on with what is returned; or says why not.
  void follow(const std::function<std::unique_ptr<ControlStream>()>& make);
  Instant now() const { return daemon.clock.now(); }
};

}  // namespace mxwarden::server
