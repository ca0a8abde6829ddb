// From the JSON of Pods to the verdict: the one place that can say Passed. An input is
// "allowNoTests" or anything else on its first line, then for each Pod its JSON on a line and the
// runner's termination message on the next; an empty one leaves that of the JSON.
#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "operator/verdict.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/operator_builders.h"

namespace committest::op {
namespace {

using api::FailureClass;
using api::TestResult;
using fuzz::Expect;
using nlohmann::json;

// The member at the end of `path`; null where there is none.
json At(const json& value, const char* path) {
  const json::json_pointer pointer(path);
  return value.contains(pointer) ? value.at(pointer) : json();
}

// The place of the runner container in its Pod's status; null where it is not reported.
json* Runner(json& pod) {
  if (!At(pod, "/status/containerStatuses").is_array()) return nullptr;
  json& list = pod["status"]["containerStatuses"];
  const auto it =
      std::ranges::find_if(list, [](const json& c) { return At(c, "/name") == kRunnerContainer; });
  return it == list.end() ? nullptr : &*it;
}

void LeaveMessage(json& pod, std::string_view message) {
  json* const runner = Runner(pod);
  if (runner == nullptr || !At(*runner, "/state/terminated").is_object()) return;
  (*runner)["state"]["terminated"]["message"] = RepairUtf8(message);
}

bool IsZero(const json& count) { return count.is_null() || count == 0; }

// Whether the Pod's own words allow a pass, read without the code under test.
bool MayPass(json pod, const api::CommitTestSpec& spec) {
  const json* const runner = Runner(pod);
  if (runner == nullptr || At(*runner, "/state/terminated/exitCode") != 0) return false;
  const std::set<json> broken{"OOMKilled", "StartError", "ContainerCannotRun"};
  if (broken.contains(At(*runner, "/state/terminated/reason"))) return false;
  const json message = At(*runner, "/state/terminated/message");
  if (!message.is_string()) return false;
  const json summary = json::parse(message.get<std::string>(), nullptr, false);
  const json commit = At(summary, "/commit");
  if (!commit.is_string() || OneLine(commit.get<std::string>()) != spec.source.commit) return false;
  if (!IsZero(At(summary, "/failed")) || !IsZero(At(summary, "/errored"))) return false;
  const json passed = At(summary, "/passed");
  return (passed.is_number_integer() && passed > 0) || spec.tests.allow_no_tests;
}

void CheckEnding(const Ending& ending, const api::CommitTestSpec& spec) {
  Expect(!ending.reason.empty() && !ending.message.empty(), "an ending says why");
  Expect(ending.failure_class.has_value() == (ending.result != TestResult::kPassed),
         "only a pass is nobody's fault");
  Expect((ending.failure_class == FailureClass::kTest) == (ending.result == TestResult::kFailed),
         "Failed is the commit's fault, and nothing else is");
  Expect(!ending.retryable || (ending.result == TestResult::kError &&
                               ending.failure_class == FailureClass::kInfrastructure),
         "only failures of the infrastructure are retried");
  Expect(!ending.summary || ending.summary->commit == spec.source.commit,
         "a summary that is passed on is of this commit");
  Expect(ending.evidence.has_value(), "an ending stands on evidence");
}

void CheckPass(const Ending& ending, const api::CommitTestSpec& spec) {
  Expect(ending.evidence->exit_code == 0, "Passed needs exit code 0");
  Expect(ending.summary.has_value(), "Passed needs a summary");
  const api::TestCounts& counts = ending.summary->counts;
  Expect(counts.failed + counts.errored == 0, "Passed needs that no test failed");
  Expect(counts.passed > 0 || spec.tests.allow_no_tests, "Passed needs a test");
}

std::optional<Ending> CheckPods(const std::vector<json>& objects, const std::vector<PodView>& pods,
                                const api::CommitTestSpec& spec) {
  std::optional<Ending> ending = JudgePods(spec, pods);
  if (!ending) return ending;
  CheckEnding(*ending, spec);
  if (ending->result != TestResult::kPassed) return ending;
  CheckPass(*ending, spec);
  Expect(std::ranges::any_of(objects, [&](const json& pod) { return MayPass(pod, spec); }),
         "Passed needs a Pod that says so");
  for (const PodView& pod : pods) {
    const auto alone = JudgePod(spec, pod);
    Expect(!alone || alone->retryable || alone->result == TestResult::kPassed,
           "Passed needs that no other Pod disagrees");
  }
  return ending;
}

}  // namespace
}  // namespace committest::op

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::op;
  using committest::fuzz::TakeLine;
  std::string_view text = committest::fuzz::Text(data, size);
  auto spec = ACommitTest().spec;
  spec.tests.allow_no_tests = TakeLine(text) == "allowNoTests";
  std::vector<json> objects;
  std::vector<PodView> pods;
  while (!text.empty() && objects.size() < 4) {
    json pod = json::parse(TakeLine(text), nullptr, false);
    const std::string_view message = TakeLine(text);
    if (pod.is_discarded()) continue;
    if (!message.empty()) LeaveMessage(pod, message);
    pods.push_back(ParsePodView(pod));
    objects.push_back(std::move(pod));
  }
  const auto ending = CheckPods(objects, pods, spec);
  std::ranges::reverse(pods);
  const auto reversed = CheckPods(objects, pods, spec);
  Expect(ending.has_value() == reversed.has_value(), "the order of the Pods does not matter");
  if (!ending) return 0;
  Expect(ending->result == reversed->result && ending->retryable == reversed->retryable &&
             (ending->retryable || ending->reason == reversed->reason),
         "nor does it for what the verdict is");
  return 0;
}
