#include <map>
#include <optional>
#include <ostream>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/api/reproduce.h"
#include "common/base/strings.h"
#include "common/kube/json_reader.h"
#include "plugin/advice.h"
#include "plugin/explain.h"
#include "plugin/follow.h"
#include "plugin/lines.h"
#include "plugin/problem.h"
#include "plugin/requests.h"
#include "plugin/session.h"

namespace committest::plugin {
namespace {

using nlohmann::json;

constexpr int kMaxReruns = 1'000;
constexpr int kMaxNames = 500;

bool IsJson(const Session& session) { return session.call.output == OutputFormat::kJson; }

std::string NameOf(const json& object) {
  return kube::StringAt(kube::ObjectAt(object, "metadata"), "name");
}

kube::Selection SelectionOf(const Session& session, const std::string& name) {
  return {session.cluster.namespace_, {}, "metadata.name=" + name};
}

// With --wait, the verdict; else what was made, for people or for programs.
Result<int> Made(const Session& session, const json& object, const char* done) {
  const std::string name = NameOf(object);
  if (session.call.wait) {
    if (!IsJson(session))
      session.console.out << OneLine(name) << "  " << done << "\n" << std::flush;
    return WatchUntilVerdict(session, SelectionOf(session, name));
  }
  if (IsJson(session)) {
    session.console.out << kube::Dump(object) << "\n";
    return 0;
  }
  session.console.out << OneLine(name) << "  " << done << "\n";
  session.console.err << "Follow it: kubectl committest watch " << OneLine(name) << " -n "
                      << OneLine(session.cluster.namespace_) << "\n";
  return 0;
}

// Prints changes, and knows when all have a verdict.
class Watching {
 public:
  Watching(const Session& session, bool is_one) : session_(session), is_one_(is_one) {}

  FollowSink Sink() {
    return {.on_object = [this](const json& object) { return Take(object); },
            .on_deleted = [this](const json& object) { return Forget(object); },
            .on_listed =
                [this] {
                  listed_ = true;
                  return !IsComplete();
                },
            .on_trouble =
                [this](const Error& error) {
                  session_.console.err
                      << "connection lost, trying again: " << OneLine(error.message) << "\n";
                }};
  }

  Result<int> End() const {
    if (deleted_) {
      return Fail(ErrorCode::kInternal, "the CommitTest was deleted before it had a verdict");
    }
    if (statuses_.empty()) return Fail(ErrorCode::kNotFound, "there is no such CommitTest");
    std::vector<api::CommitTestStatus> all;
    all.reserve(statuses_.size());
    for (const auto& [name, status] : statuses_) all.push_back(status);
    return ExitStatusOf(all);
  }

 private:
  bool Take(const json& object) {
    const api::CommitTest test = api::ParseCommitTest(object);
    statuses_[test.meta.name] = test.status;
    const std::string line =
        IsJson(session_) ? kube::Dump(object) : WatchLine(test, session_.palette);
    std::string& last = lines_[test.meta.name];
    if (line != last) session_.console.out << line << "\n" << std::flush;
    last = line;
    return !listed_ || !IsComplete();
  }

  bool Forget(const json& object) {
    const std::string name = NameOf(object);
    const bool finished = statuses_[name].result.has_value();
    if (is_one_ && !finished) deleted_ = true;
    if (!finished) statuses_.erase(name);
    return !deleted_ && !IsComplete();
  }

  bool IsComplete() const {
    for (const auto& [name, status] : statuses_) {
      if (!status.result) return false;
    }
    return true;
  }

  const Session& session_;
  const bool is_one_;
  bool listed_ = false;
  bool deleted_ = false;
  std::map<std::string, api::CommitTestStatus> statuses_;
  std::map<std::string, std::string> lines_;
};

std::vector<std::string> NamesIn(const Session& session, bool& kind_is_there) {
  std::vector<std::string> names;
  const auto page = session.Client().List(
      api::CommitTestType(), {session.cluster.namespace_, {}, {}}, kMaxNames, {},
      {"spec", "status"}, [&](json&& object) { names.push_back(NameOf(object)); });
  kind_is_there = page || page.error().code != ErrorCode::kNotFound;
  return names;
}

}  // namespace

Result<json> GetTest(const Session& session) {
  return session.Client().Get(api::CommitTestType(), session.Key());
}

Result<int> RunTest(const Session& session) {
  const auto created = session.Client().Create(
      api::CommitTestType(),
      NewCommitTest(session.call.spec, session.cluster.namespace_, session.call.name));
  if (!created) return Fail(created.error());
  return Made(session, *created, "created");
}

Result<int> RerunTest(const Session& session) {
  const auto old = GetTest(session);
  if (!old) return Fail(old.error());
  const bool is_rerun = !kube::StringAt(kube::ObjectAt(*old, "spec"), "rerunOf").empty();
  for (int number = 1; number <= kMaxReruns; ++number) {
    const auto created = session.Client().Create(
        api::CommitTestType(), RerunOf(*old, RerunName(session.call.name, is_rerun, number)));
    if (created) return Made(session, *created, "created");
    if (created.error().code != ErrorCode::kAlreadyExists) return Fail(created.error());
  }
  return Fail(ErrorCode::kResourceExhausted, "it has been run again too often");
}

Result<int> CancelTest(const Session& session) {
  const auto before = GetTest(session);
  if (!before) return Fail(before.error());
  const api::CommitTest test = api::ParseCommitTest(*before);
  if (test.status.result) {
    return Fail(
        ErrorCode::kInvalidArgument,
        OneLine(test.meta.name) + " has come to its end already: " + StateWord(test.status));
  }
  const auto patched = session.Client().Patch(api::CommitTestType(), session.Key(),
                                              {{"spec", {{"cancelRequested", true}}}});
  if (!patched) return Fail(patched.error());
  return Made(session, *patched, "is being cancelled");
}

Result<int> WatchUntilVerdict(const Session& session, const kube::Selection& selection) {
  Watching watching(session, !selection.field_selector.empty());
  const Status followed =
      Follow(session.Client(), session.Client(), selection, watching.Sink(), session.clock);
  if (!followed) return Fail(followed.error());
  return watching.End();
}

Result<int> WatchTests(const Session& session) {
  if (!session.call.name.empty()) {
    return WatchUntilVerdict(session, SelectionOf(session, session.call.name));
  }
  return WatchUntilVerdict(session, {session.cluster.namespace_, session.call.selector, {}});
}

Result<int> ExplainTest(const Session& session) {
  const auto object = GetTest(session);
  if (!object) return Fail(object.error());
  const api::CommitTest test = api::ParseCommitTest(*object);
  if (IsJson(session)) {
    session.console.out << kube::Dump(ExplanationJson(test, OperationsPage())) << "\n";
  } else {
    session.console.out << Explanation(test, OperationsPage(), session.clock.Wall(),
                                       session.palette);
  }
  return 0;
}

Result<int> PrintReproduction(const Session& session) {
  const auto object = GetTest(session);
  if (!object) return Fail(object.error());
  const api::CommitTest test = api::ParseCommitTest(*object);
  const std::string line =
      session.call.local ? api::LocalCommand(test.spec) : test.status.reproduce_command;
  if (line.empty()) {
    return Fail(
        ErrorCode::kInvalidArgument,
        test.status.result || session.call.local
            ? "there is no line that repeats it: it was not run, or its spec is too long or "
              "holds what no shell can say"
            : "there is no verdict yet, and the line comes with it; --local needs none");
  }
  // The operator writes printable ASCII; a status that somebody else wrote is not pasted.
  if (OneLine(line) != line) {
    return Fail(ErrorCode::kDataLoss, "status.reproduceCommand holds control characters");
  }
  if (IsJson(session)) {
    session.console.out << kube::Dump({{"command", line}}) << "\n";
  } else {
    session.console.out << line << "\n";
  }
  return 0;
}

std::string DescribeProblem(const Session& session, const Error& error) {
  Attempted attempted;
  attempted.namespace_ = session.cluster.namespace_;
  attempted.name = session.call.name;
  attempted.server = session.cluster.server;
  if (error.code == ErrorCode::kNotFound) {
    attempted.names = NamesIn(session, attempted.kind_is_there);
  }
  return ProblemText(error, attempted);
}

}  // namespace committest::plugin
