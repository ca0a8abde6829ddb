#include "tests/support/scripted_api.h"

#include <condition_variable>
#include <mutex>
#include <utility>

namespace committest {
namespace {

void WaitForStop(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait(lock, stop, [] { return false; });
}

}  // namespace

ScriptedApi& ScriptedApi::OnList(ListAnswer answer) {
  MutexLock lock(mutex_);
  lists_.push_back(std::move(answer));
  return *this;
}

ScriptedApi& ScriptedApi::OnWatch(WatchAnswer answer) {
  MutexLock lock(mutex_);
  watches_.push_back(std::move(answer));
  return *this;
}

std::vector<std::string> ScriptedApi::ListCalls() const {
  MutexLock lock(mutex_);
  return list_calls_;
}

std::vector<ScriptedApi::WatchCall> ScriptedApi::WatchCalls() const {
  MutexLock lock(mutex_);
  return watch_calls_;
}

bool ScriptedApi::Exhausted() const {
  MutexLock lock(mutex_);
  return lists_.empty() && watches_.empty();
}

Result<kube::ListPage> ScriptedApi::List(const kube::ResourceType& /*type*/,
                                         const kube::Selection& /*selection*/, int /*limit*/,
                                         const std::string& continue_token,
                                         const std::vector<std::string>& /*drop*/,
                                         const kube::ObjectSink& sink) {
  ListAnswer answer;
  {
    MutexLock lock(mutex_);
    list_calls_.push_back(continue_token);
    if (lists_.empty()) return Fail(ErrorCode::kInternal, "unscripted LIST");
    answer = std::move(lists_.front());
    lists_.pop_front();
  }
  for (nlohmann::json& item : answer.items) sink(std::move(item));
  return answer.page;
}

Status ScriptedApi::Watch(const kube::ResourceType& /*type*/, const kube::Selection& /*selection*/,
                          const std::string& resource_version, std::chrono::seconds timeout,
                          const kube::ByteSink& sink, std::stop_token stop) {
  WatchAnswer answer;
  {
    MutexLock lock(mutex_);
    watch_calls_.push_back({resource_version, timeout});
    if (watches_.empty()) return Fail(ErrorCode::kInternal, "unscripted WATCH");
    answer = std::move(watches_.front());
    watches_.pop_front();
  }
  for (const std::string& chunk : answer.chunks) {
    if (auto status = sink(chunk); !status) return status;
  }
  if (answer.stay_open) {
    WaitForStop(stop);
    return Fail(ErrorCode::kCancelled, "stopped");
  }
  clock_.Advance(answer.lived);
  return answer.end;
}

nlohmann::json TestObject(const std::string& name, const std::string& resource_version) {
  return {{"apiVersion", "v1"},
          {"kind", "Thing"},
          {"metadata",
           {{"namespace", "ns"},
            {"name", name},
            {"uid", "uid-" + name},
            {"resourceVersion", resource_version}}}};
}

std::string WatchLine(const std::string& type, const nlohmann::json& object) {
  return nlohmann::json({{"type", type}, {"object", object}}).dump() + "\n";
}

std::string BookmarkLine(const std::string& resource_version) {
  return WatchLine("BOOKMARK",
                   {{"kind", "Thing"}, {"metadata", {{"resourceVersion", resource_version}}}});
}

std::string ErrorLine(int code, const std::string& reason) {
  return WatchLine("ERROR", {{"kind", "Status"},
                             {"apiVersion", "v1"},
                             {"status", "Failure"},
                             {"message", "the server says " + reason},
                             {"reason", reason},
                             {"code", code}});
}

}  // namespace committest
