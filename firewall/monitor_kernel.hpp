#pragma once
// [firewall] mode = monitor: says in the log what would be done, and does nothing.

#include "firewall/kernel.hpp"
#include "firewall/synchroniser.hpp"

namespace mxwarden::firewall {

class MonitorKernel final : public Kernel {
 public:
  static constexpr std::size_t most_lines = 20;  // of a transaction; the rest is counted

  explicit MonitorKernel(Synchroniser::Log log) : log_(std::move(log)) {}

  Outcome rebuild(const Layout& layout, std::span<const Change> elements) override;
  Outcome commit(std::span<const Change> changes) override;
  Health check() override { return {}; }
  Outcome remove() override { return {}; }

 private:
  Synchroniser::Log log_;
};

}  // namespace mxwarden::firewall
