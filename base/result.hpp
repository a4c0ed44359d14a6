#pragma once
// Results of what can be expected to fail: text from outside, files, sockets.
//
// An Error is a sentence for a person; the boundary that meets a failure translates it once (errno, a library's
// code) and everybody above passes it on or logs it, never both. Exceptions are for start-up, memory and bugs.

#include <boost/system/result.hpp>
#include <stdexcept>
#include <string>

namespace mxwarden {

struct Error {
  std::string message;
};

// Called by Result<T>::value() when there is none: asking without looking is a bug.
[[noreturn]] inline void throw_exception_from_error(const Error& error, const boost::source_location&) {
  throw std::logic_error("unchecked result: " + error.message);
}

template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace mxwarden
