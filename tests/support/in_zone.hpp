#pragma once
// The time zone of the process, which what a person reads goes by.

#include <cstdlib>
#include <ctime>

namespace mxwarden {

struct InZone {
  explicit InZone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  ~InZone() {
    ::unsetenv("TZ");
    ::tzset();
  }
};

}  // namespace mxwarden
