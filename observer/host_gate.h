#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/result.h"

namespace committest::observer {

/// How many looks may be under way at once, so that no host takes all workers.
struct HostLimits {
  int per_host = 16;  ///< At one host that answers.
  int unproven = 24;  ///< At all hosts together that have not answered, or no more.
  int slow = 8;       ///< Of these, at hosts whose last look failed after a second or more.

  /// The usual shares of a number of workers: half, three quarters, a quarter; never zero.
  static HostLimits Of(int workers);
};

/// What the last look at a host showed.
enum class HostState {
  kNew,     ///< There was none yet.
  kProven,  ///< It answered, or failed quickly, which costs no worker's time.
  kSlow,    ///< It failed after a second or more.
};

/// How many looks are under way.
struct LooksUnderWay {
  int at_host = 0;
  int unproven = 0;  ///< At new and slow hosts.
  int slow = 0;
};

/// Whether a look at a host may begin. Total:
///
/// | host   | begins while                                                        |
/// |--------|---------------------------------------------------------------------|
/// | proven | fewer than `per_host` are under way at it                           |
/// | new    | none is under way at it, and fewer than `unproven` in all           |
/// | slow   | none is under way at it, fewer than `unproven` and `slow` in all    |
bool MayBegin(const HostLimits& limits, HostState state, const LooksUnderWay& under_way);

/// Counts the looks at each host and lets them begin by `MayBegin`. A silent host so holds one
/// worker at a time, all silent hosts together a quarter of them, and a host that falls silent half
/// of them, until the first of its looks has failed.
///
/// Three looks in a row that were slow to fail, with none between that was answered, are the host's
/// fault and not a repository's: what would have to wait behind a fourth fails as the third did.
/// Thread-safe.
class HostGate {
 public:
  /// One look that may begin; over with `End` or with this object.
  class Pass {
   public:
    Pass(Pass&& other) noexcept;
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    Pass& operator=(Pass&&) = delete;
    ~Pass();

    /// The look took `elapsed`. `silence`: why the host had nothing to say; nullopt if it answered,
    /// be it with a refusal.
    void End(const std::optional<Error>& silence, std::chrono::nanoseconds elapsed);

   private:
    friend class HostGate;
    Pass(HostGate& gate, std::string host, HostState counted_as)
        : gate_(&gate), host_(std::move(host)), counted_as_(counted_as) {}

    HostGate* gate_;
    std::string host_;
    HostState counted_as_;
  };

  explicit HostGate(HostLimits limits) : limits_(limits) {}

  /// What to do about a look; with neither, it has to wait.
  struct Admission {
    std::optional<Pass> pass;
    std::optional<Error> failure;  ///< What the look would end with.
  };
  Admission Begin(const std::string& host) EXCLUDES(mutex_);

 private:
  struct Host {
    HostState state = HostState::kNew;
    int under_way = 0;
    int slow_in_a_row = 0;
    std::optional<Error> silence;  ///< Of the last slow one.
  };

  Host& LeaveLocked(const Pass& pass) REQUIRES(mutex_);

  const HostLimits limits_;
  Mutex mutex_;
  std::map<std::string, Host> hosts_ GUARDED_BY(mutex_);
  int unproven_ GUARDED_BY(mutex_) = 0;
  int slow_ GUARDED_BY(mutex_) = 0;
};

}  // namespace committest::observer
