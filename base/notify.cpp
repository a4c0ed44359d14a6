#include "base/notify.hpp"

#include <systemd/sd-daemon.h>

namespace mxwarden::notify {

void ready() {
  ::sd_notify(0, "READY=1");
}

void reloading(Instant now) {
  // Type=notify-reload (systemd 253) wants to know that the message is younger than the signal.
  const auto since_boot = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  ::sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", static_cast<long long>(since_boot.count()));
}

void stopping() {
  ::sd_notify(0, "STOPPING=1");
}

void status(const std::string& line) {
  ::sd_notifyf(0, "STATUS=%s", line.c_str());
}

void watchdog() {
  ::sd_notify(0, "WATCHDOG=1");
}

}  // namespace mxwarden::notify
