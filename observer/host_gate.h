#pragma once

#include <chrono>
#include <cstdint>
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
  /// Of these, at hosts whose last look failed after a second or more; with them count looks that
  /// are expected to fail at hosts that answer.
  int slow = 8;

  /// The usual shares of a number of workers: half, three quarters, a quarter; never zero.
  static HostLimits Of(int workers);
};

/// What the last look at a host showed.
enum class HostState {
  kNew,     ///< There was none yet.
  kProven,  ///< It answered, or failed quickly, which costs no worker's time.
  kSlow,    ///< It failed after a second or more.
};

/// What the last look at a repository showed.
enum class RepositoryState {
  kWell,  ///< There was none yet, or it was answered.
  kSick,  ///< It failed.
};

/// How many looks are under way.
struct LooksUnderWay {
  int at_host = 0;
  int unproven = 0;  ///< At new and slow hosts, and at sick repositories.
  int slow = 0;      ///< At slow hosts, and at sick repositories.
};

/// Whether a look at a repository of a host may begin. Total:
///
/// | host   | repository | begins while                                                        |
/// |--------|------------|---------------------------------------------------------------------|
/// | proven | well       | fewer than `per_host` are under way at the host                     |
/// | proven | sick       | the same, and fewer than `unproven` and `slow` in all               |
/// | new    | any        | none is under way at the host, and fewer than `unproven` in all     |
/// | slow   | any        | none is under way at it, fewer than `unproven` and `slow` in all    |
bool MayBegin(const HostLimits& limits, HostState host, RepositoryState repository,
              const LooksUnderWay& under_way);

/// Counts the looks at each host and lets them begin by `MayBegin`. A silent host so holds one
/// worker at a time, all silent hosts together a quarter of them, and a host that falls silent half
/// of them, until the first of its looks has failed.
///
/// A slow failure says something against the host only if the host answered no other look since that
/// one began; else it is the repository's own. A sick repository then waits by its own back-off and
/// holds one worker at most, and all sick ones together a quarter of the workers, which is half of
/// what one host may have: their neighbours keep the other half.
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
    Pass(HostGate& gate, std::string host, HostState counted_as, std::uint64_t answers)
        : gate_(&gate), host_(std::move(host)), counted_as_(counted_as), answers_(answers) {}

    HostGate* gate_;
    std::string host_;
    HostState counted_as_;
    std::uint64_t answers_;  ///< How many the host had given when the look began.
  };

  explicit HostGate(HostLimits limits) : limits_(limits) {}

  /// What to do about a look; with neither, it has to wait.
  struct Admission {
    std::optional<Pass> pass;
    std::optional<Error> failure;  ///< What the look would end with.
  };
  Admission Begin(const std::string& host, RepositoryState repository = RepositoryState::kWell)
      EXCLUDES(mutex_);

 private:
  struct Host {
    HostState state = HostState::kNew;
    int under_way = 0;
    int slow_in_a_row = 0;
    std::uint64_t answers = 0;
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
