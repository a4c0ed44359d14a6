#pragma once
// What this process may do: nothing but what nftables takes.
//
// Both are of the whole process, while no other thread runs yet.

#include <string>

#include "base/result.hpp"

namespace mxwarden::firewall {

// As root: goes on as this user and in its groups, with the capabilities that it has. As anybody else, or if there is
// no such user, it stays who it is. True: it is `user` from now on.
Result<bool> become(const std::string& user);

// Gives up every capability but CAP_NET_ADMIN, for good, and any way to gain some by execve(2). Who has not even that
// one is left without: what it does not allow the kernel will say.
Result<void> keep_net_admin_alone();

}  // namespace mxwarden::firewall
