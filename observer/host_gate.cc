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

// A repository that has just failed will most likely do so again, and holds a worker until then.
HostState CountsAs(HostState host, RepositoryState repository) {
  const bool is_sick = repository == RepositoryState::kSick;
  return host == HostState::kProven && is_sick ? HostState::kSlow : host;
}

}  // namespace

HostLimits HostLimits::Of(int workers) {
  return {std::max(1, workers / 2), std::max(1, workers * 3 / 4), std::max(1, workers / 4)};
}

bool MayBegin(const HostLimits& limits, HostState host, RepositoryState repository,
              const LooksUnderWay& under_way) {
  const int at_once = host == HostState::kProven ? limits.per_host : 1;
  if (under_way.at_host >= at_once) return false;
  switch (CountsAs(host, repository)) {
    case HostState::kProven:
      return true;
    case HostState::kNew:
      return under_way.unproven < limits.unproven;
    case HostState::kSlow:
      return under_way.unproven < limits.unproven && under_way.slow < limits.slow;
  }
  return false;
}

HostGate::Pass::Pass(Pass&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)),
      host_(std::move(other.host_)),
      counted_as_(other.counted_as_),
      answers_(other.answers_) {}

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
  if (is_slow && host.answers != answers_) return;
  if (!silence) ++host.answers;
  host.state = is_slow ? HostState::kSlow : HostState::kProven;
  host.slow_in_a_row = is_slow ? host.slow_in_a_row + 1 : 0;
  host.silence = is_slow ? silence : std::nullopt;
}

HostGate::Admission HostGate::Begin(const std::string& host, RepositoryState repository) {
  const MutexLock lock(mutex_);
  if (hosts_.size() >= kMaxHosts) {
    std::erase_if(hosts_, [](const auto& entry) { return entry.second.under_way == 0; });
  }
  Host& entry = hosts_[host];
  if (!MayBegin(limits_, entry.state, repository, {entry.under_way, unproven_, slow_})) {
    if (entry.slow_in_a_row < kHostsFault) return {};
    return {std::nullopt, entry.silence};
  }
  ++entry.under_way;
  const HostState counted_as = CountsAs(entry.state, repository);
  if (counted_as != HostState::kProven) ++unproven_;
  if (counted_as == HostState::kSlow) ++slow_;
  return {Pass(*this, host, counted_as, entry.answers), std::nullopt};
}

HostGate::Host& HostGate::LeaveLocked(const Pass& pass) {
  Host& entry = hosts_[pass.host_];
  --entry.under_way;
  if (pass.counted_as_ != HostState::kProven) --unproven_;
  if (pass.counted_as_ == HostState::kSlow) --slow_;
  return entry;
}

}  // namespace committest::observer
