#pragma once
// What an operation of the control socket goes on saying after its answer, in lines, as its client takes them.
//
// It is taken from, it never sends: a client that does not read holds nobody up, and how much may wait for it meanwhile
// is the stream's to bound. Ends with its connection. One thread.

#include <functional>
#include <string>

namespace mxwarden::server {

class ControlStream {
 public:
  // There is something to take again. May be called too often, but not from within take(); take() never comes from
  // within it.
  using News = std::function<void()>;

  virtual ~ControlStream() = default;

  // Called once, before the first take().
  virtual void start(News news) = 0;
  // Each second, once it was started.
  virtual void tick() {}
  // Appends lines with their line feeds, each of 64 KiB at most, about a MiB at once at most. Nothing: there is nothing
  // to say until the next news. False: these were the last ones, and the connection is to end.
  virtual bool take(std::string& to) = 0;
};

}  // namespace mxwarden::server
