#pragma once
// What mxwardend is told of the kernel (server/control_firewall.hpp), for its status and /metrics.

#include <string>

#include "base/clock.hpp"
#include "conf/settings.hpp"
#include "firewall/synchroniser.hpp"

namespace mxwarden::firewall {

// A request for the control socket, without its line feed.
std::string report_text(const Synchroniser::Figures& figures, conf::Mode mode, Instant now);

// For `systemctl status`, and a log.
std::string summary(const Synchroniser::Figures& figures);

}  // namespace mxwarden::firewall
