#include "server/notify.hpp"

#include <systemd/sd-daemon.h>
#include <time.h>

namespace mxwarden::server::notify {

void ready() {
  ::sd_notify(0, "READY=1");
}

void reloading() {
  // Type=notify-reload (systemd 253) wants to know that the message is younger than the signal.
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  ::sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
               static_cast<long long>(now.tv_sec) * 1'000'000 + static_cast<long long>(now.tv_nsec) / 1000);
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

}  // namespace mxwarden::server::notify
