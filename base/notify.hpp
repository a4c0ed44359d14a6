#pragma once
// What systemd is told (sd_notify(3), Type=notify). Without systemd all of it does nothing.

#include <string>

#include "base/clock.hpp"

namespace mxwarden::notify {

void ready();
// Until ready() is called again.
void reloading(Instant now);
void stopping();
// A line for `systemctl status`.
void status(const std::string& line);
// Still alive; to be said more often than WatchdogSec=.
void watchdog();

}  // namespace mxwarden::notify
