#pragma once
// Tells the store that the nodes share how many connections each client has here. Requests say the number of their own
// client; nobody asks about a client that connects and says nothing, nor about connections that end.
//
// One batch at a time, as many as a look's bound allows one after the other, and never in the way of requests. What the
// store could not take is said after the next look.

#include <vector>

#include "conf/settings.hpp"
#include "policy/connections.hpp"
#include "store/store.hpp"

namespace mxwarden::server {

class ConnectionPublisher {
 public:
  static constexpr std::size_t most_a_batch = 200;
  static constexpr std::size_t most_a_look = 1000;

  // Both must outlive it, and the store must not call back when it is gone.
  ConnectionPublisher(store::Store& store, policy::Connections& connections, const conf::Settings& settings);
  // A reload.
  void set_settings(const conf::Settings& settings);

  // After a look.
  void publish(Instant now);

 private:
  void say(Instant now);
  void heard(store::Answers answers);

  store::Store& store_;
  policy::Connections& connections_;
  conf::Settings::Client client_;
  conf::Limit limit_;
  std::vector<policy::Connections::Number> numbers_;
  store::Batch batch_;
  std::size_t left_ = 0;  // of this look
  bool asked_ = false;    // a batch is on its way
};

}  // namespace mxwarden::server
