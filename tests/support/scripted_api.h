#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/mutex.h"
#include "common/kube/client.h"
#include "tests/support/manual_clock.h"

namespace committest {

/// One answer to a LIST: `items` go to the sink, then `page` is returned.
struct ListAnswer {
  std::vector<nlohmann::json> items;
  Result<kube::ListPage> page;
};

/// One watch stream: `chunks` go to the sink one by one, then `lived` passes on the clock, then
/// `end` is returned, unless the sink has refused a chunk.
struct WatchAnswer {
  std::vector<std::string> chunks;
  Status end;
  std::chrono::milliseconds lived = std::chrono::minutes(4);
  /// Stays open after the chunks until the caller stops it, whatever `end` says.
  bool stay_open = false;
};

/// A Lister and Watchable that answers from a script and remembers what it was asked. A call for
/// which nothing is scripted fails with kInternal, "unscripted". Thread-safe.
class ScriptedApi final : public kube::Lister, public kube::Watchable {
 public:
  struct WatchCall {
    std::string resource_version;
    std::chrono::seconds timeout;
  };

  explicit ScriptedApi(ManualClock& clock) : clock_(clock) {}

  ScriptedApi& OnList(ListAnswer answer) EXCLUDES(mutex_);
  ScriptedApi& OnWatch(WatchAnswer answer) EXCLUDES(mutex_);

  /// The continue tokens of all LISTs, the resource versions of all watches, in order.
  std::vector<std::string> ListCalls() const EXCLUDES(mutex_);
  std::vector<WatchCall> WatchCalls() const EXCLUDES(mutex_);
  /// Whether everything that was scripted was asked for.
  bool Exhausted() const EXCLUDES(mutex_);

  Result<kube::ListPage> List(const kube::ResourceType& type, const kube::Selection& selection,
                              int limit, const std::string& continue_token,
                              const std::vector<std::string>& drop,
                              const kube::ObjectSink& sink) override;
  Status Watch(const kube::ResourceType& type, const kube::Selection& selection,
               const std::string& resource_version, std::chrono::seconds timeout,
               const kube::ByteSink& sink, std::stop_token stop) override;

 private:
  ManualClock& clock_;
  mutable Mutex mutex_;
  std::deque<ListAnswer> lists_ GUARDED_BY(mutex_);
  std::deque<WatchAnswer> watches_ GUARDED_BY(mutex_);
  std::vector<std::string> list_calls_ GUARDED_BY(mutex_);
  std::vector<WatchCall> watch_calls_ GUARDED_BY(mutex_);
};

/// An object of the namespace "ns" whose UID is "uid-" and its name.
nlohmann::json TestObject(const std::string& name, const std::string& resource_version);

/// A line of a watch stream, with its line end.
std::string WatchLine(const std::string& type, const nlohmann::json& object);
std::string BookmarkLine(const std::string& resource_version);
/// An ERROR event with a Status of `code` and `reason`.
std::string ErrorLine(int code, const std::string& reason);

}  // namespace committest
