#include <algorithm>
#include <optional>
#include <ostream>
#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/base/strings.h"
#include "common/kube/json_reader.h"
#include "plugin/lines.h"
#include "plugin/log_lines.h"
#include "plugin/session.h"

namespace committest::plugin {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kPause{500};
constexpr milliseconds kLogSilence{30'000};
constexpr int kMaxPods = 500;

const kube::ResourceType& PodType() {
  static const kube::ResourceType kType{"", "v1", "pods", "Pod", true};
  return kType;
}

struct ContainerState {
  std::string name;
  bool started = false;
  bool ended = false;
};

// A Pod of the CommitTest, as far as its logs are concerned.
struct PodLogs {
  kube::ObjectMeta meta;
  bool over = false;                       ///< No container of it is going to start any more.
  std::vector<ContainerState> containers;  ///< In the order in which they start.
};

ContainerState StateOf(const json& statuses, const std::string& name) {
  ContainerState state{name};
  for (const json& status : statuses) {
    if (kube::StringAt(status, "name") != name) continue;
    const json& now = kube::ObjectAt(status, "state");
    state.ended = now.contains("terminated");
    state.started = state.ended || now.contains("running");
  }
  return state;
}

std::optional<PodLogs> ReadPod(const json& object) {
  auto meta = kube::ParseObjectMeta(object);
  if (!meta) return std::nullopt;
  PodLogs pod;
  pod.meta = *std::move(meta);
  const json& spec = kube::ObjectAt(object, "spec");
  const json& status = kube::ObjectAt(object, "status");
  const std::string phase = kube::StringAt(status, "phase");
  pod.over = phase == "Succeeded" || phase == "Failed";
  for (const auto& [containers, statuses] : {std::pair("initContainers", "initContainerStatuses"),
                                             std::pair("containers", "containerStatuses")}) {
    for (const json& container : kube::ArrayAt(spec, containers)) {
      pod.containers.push_back(
          StateOf(kube::ArrayAt(status, statuses), kube::StringAt(container, "name")));
    }
  }
  return pod;
}

// Prints the Pods of one CommitTest, one after the other.
class LogPrinter {
 public:
  explicit LogPrinter(const Session& session) : session_(session) {}

  Result<int> Run() {
    for (;;) {
      const auto object = GetTest(session_);
      if (!object) return Fail(object.error());
      const api::CommitTest test = api::ParseCommitTest(*object);
      const auto pod = NewestPod();
      if (!pod) return Fail(pod.error());
      if (*pod && !done_.contains((*pod)->meta.uid)) {
        if (Status printed = PrintPod(**pod); !printed) return Fail(printed.error());
        done_.insert((*pod)->meta.uid);
        if (!session_.call.follow) return 0;
        continue;
      }
      if (test.status.result) return AfterTheEnd();
      if (!session_.call.follow) return NotYet(test);
      session_.clock.SleepFor(kPause, std::stop_token());
    }
  }

 private:
  Result<std::optional<PodLogs>> NewestPod() {
    const kube::Selection selection{
        session_.cluster.namespace_,
        std::string(api::kCommitTestLabel) + "=" + api::LabelValue(session_.call.name),
        {}};
    std::optional<PodLogs> newest;
    const auto take = [&](json&& object) {
      auto pod = ReadPod(object);
      if (pod && (!newest || newest->meta.creation_time < pod->meta.creation_time)) {
        newest = std::move(pod);
      }
    };
    const auto page = session_.Client().List(PodType(), selection, kMaxPods, {},
                                             {"metadata.managedFields"}, take);
    if (!page) return Fail(page.error());
    return newest;
  }

  Result<std::optional<PodLogs>> Again(const kube::ObjectMeta& meta) {
    const auto object = session_.Client().Get(PodType(), meta.Key());
    if (!object && object.error().code == ErrorCode::kNotFound) return std::optional<PodLogs>();
    if (!object) return Fail(object.error());
    auto pod = ReadPod(*object);
    if (pod && pod->meta.uid != meta.uid) pod.reset();
    return pod;
  }

  Status PrintPod(PodLogs pod) {
    if (!done_.empty()) {
      session_.console.err << "-- the next attempt, Pod " << OneLine(pod.meta.name) << "\n";
    }
    for (std::size_t i = 0; i < pod.containers.size(); ++i) {
      while (!pod.containers[i].started && !pod.over && session_.call.follow) {
        session_.clock.SleepFor(kPause, std::stop_token());
        auto again = Again(pod.meta);
        if (!again) return Fail(again.error());
        if (!*again || (*again)->containers.size() <= i) return {};
        pod = **std::move(again);
      }
      if (!pod.containers[i].started) continue;
      if (Status printed = PrintContainer(pod, pod.containers[i].name); !printed) return printed;
    }
    return {};
  }

  // Reads the log in one stream, or in several when a connection breaks.
  Status PrintContainer(const PodLogs& pod, const std::string& container) {
    LogLines lines([this](const std::string& line) {
      session_.console.out << line << "\n" << std::flush;
    });
    for (;;) {
      kube::LogOptions options;
      options.container = container;
      options.follow = session_.call.follow;
      options.timestamps = true;
      options.since = lines.Since();
      options.idle = kLogSilence;
      Status ended = session_.Client().ReadLog(
          pod.meta.Key(), options,
          [&](std::string_view bytes) {
            lines.Feed(bytes);
            return Status();
          },
          std::stop_token());
      lines.EndStream(ended.has_value());
      if (ended) return {};
      if (ended.error().code == ErrorCode::kNotFound) {
        // Deleted meanwhile: what follows is another attempt, or the end.
        if (session_.call.follow) return {};
        return Fail(ErrorCode::kInvalidArgument, "its log is gone: " + ended.error().message);
      }
      const bool is_silence = ended.error().code == ErrorCode::kDeadlineExceeded;
      if (!is_silence && ended.error().code != ErrorCode::kUnavailable) return ended;
      if (!session_.call.follow) return ended;
      if (!is_silence) session_.clock.SleepFor(kPause, std::stop_token());
    }
  }

  Result<int> AfterTheEnd() const {
    if (!done_.empty()) return 0;
    return Fail(ErrorCode::kInvalidArgument,
                "its Pod is gone, and the log with it (finished Jobs are kept for an hour by "
                "default); kubectl committest why " +
                    OneLine(session_.call.name) + " tells what is known");
  }

  Result<int> NotYet(const api::CommitTest& test) const {
    const api::Condition* decisive = DecisiveCondition(test.status);
    return Fail(ErrorCode::kInvalidArgument,
                "it has no Pod yet" +
                    (decisive == nullptr ? std::string()
                                         : " (" + OneLine(decisive->reason) + ": " +
                                               OneLine(decisive->message) + ")") +
                    "; logs -f waits for it");
  }

  const Session& session_;
  std::set<std::string> done_;  ///< UIDs of the Pods that were printed.
};

}  // namespace

Result<int> PrintLogs(const Session& session) { return LogPrinter(session).Run(); }

}  // namespace committest::plugin
