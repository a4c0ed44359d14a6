#include "firewall/privilege.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace mxwarden::firewall {
namespace {

// capabilities(7); glibc has no function for these.
using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

constexpr std::uint32_t net_admin = 1U << CAP_NET_ADMIN;

Error failed(std::string_view what) {
  return {fmt::format("cannot give up privileges: {}: {}", what, std::strerror(errno))};
}

}  // namespace

Result<bool> become(const std::string& user) {
  if (::geteuid() != 0 || user.empty()) return false;
  const auto* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) return false;
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return failed("keepcaps");
  if (::initgroups(user.c_str(), entry->pw_gid) != 0) return failed("initgroups");
  if (::setgid(entry->pw_gid) != 0) return failed("setgid");
  if (::setuid(entry->pw_uid) != 0) return failed("setuid");
  return true;
}

Result<void> keep_net_admin_alone() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return failed("the ambient set");
  // Only who has CAP_SETPCAP may take from the bounding set; who has not cannot get beyond what it has anyway.
  for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (capability == CAP_NET_ADMIN) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EPERM) return failed("the bounding set");
  }
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  Sets sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return failed("capget");
  const auto kept = sets[0].permitted & net_admin;
  sets = {};
  sets[0].permitted = sets[0].effective = kept;
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return failed("capset");
  return {};
}

}  // namespace mxwarden::firewall
