#include "observer/host_gate.h"

#include <algorithm>
#include <utility>

namespace committest::observer {
namespace {

// A failure that came sooner has cost nobody anything.
constexpr std::chrono::seconds kSlow{1};
// So many in a row are not the fault of single repositories.
constexpr int kHostsFault = 3;
// Far above the hosts that one process asks; then those at rest are new again.
constexpr std::size_t kMaxHosts = 20'000;

}  // namespace

HostLimits HostLimits::Of(int workers) {
  return {std::max(1, workers / 2), std::max(1, workers * 3 / 4), std::max(1, workers / 4)};
}

bool MayBegin(const HostLimits& limits, HostState state, const LooksUnderWay& under_way) {
  if (state == HostState::kProven) return under_way.at_host < limits.per_host;
  if (under_way.at_host > 0 || under_way.unproven >= limits.unproven) return false;
  return state == HostState::kNew || under_way.slow < limits.slow;
}

HostGate::Pass::Pass(Pass&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)),
      host_(std::move(other.host_)),
      counted_as_(other.counted_as_) {}

HostGate::Pass::~Pass() {
  if (gate_ == nullptr) return;
  const MutexLock lock(gate_->mutex_);
  gate_->LeaveLocked(*this);
}

void HostGate::Pass::End(const std::optional<Error>& silence, std::chrono::nanoseconds elapsed) {
  HostGate* const gate = std::exchange(gate_, nullptr);
  if (gate == nullptr) return;
  const MutexLock lock(gate->mutex_);
  Host& host = gate->LeaveLocked(*this);
  const bool is_slow = silence && elapsed >= kSlow;
  host.state = is_slow ? HostState::kSlow : HostState::kProven;
  host.slow_in_a_row = is_slow ? host.slow_in_a_row + 1 : 0;
  host.silence = is_slow ? silence : std::nullopt;
}

HostGate::Admission HostGate::Begin(const std::string& host) {
  const MutexLock lock(mutex_);
  if (hosts_.size() >= kMaxHosts) {
    std::erase_if(hosts_, [](const auto& entry) { return entry.second.under_way == 0; });
  }
  Host& entry = hosts_[host];
  if (!MayBegin(limits_, entry.state, {entry.under_way, unproven_, slow_})) {
    if (entry.slow_in_a_row < kHostsFault) return {};
    return {std::nullopt, entry.silence};
  }
  ++entry.under_way;
  if (entry.state != HostState::kProven) ++unproven_;
  if (entry.state == HostState::kSlow) ++slow_;
  return {Pass(*this, host, entry.state), std::nullopt};
}

HostGate::Host& HostGate::LeaveLocked(const Pass& pass) {
  Host& entry = hosts_[pass.host_];
  --entry.under_way;
  if (pass.counted_as_ != HostState::kProven) --unproven_;
  if (pass.counted_as_ == HostState::kSlow) --slow_;
  return entry;
}

}  // namespace committest::observer
