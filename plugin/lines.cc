#include "plugin/lines.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/strings.h"

namespace committest::plugin {
namespace {

using api::Condition;
using api::TestResult;

bool Is(const Condition* condition, const char* status) {
  return condition != nullptr && condition->status == status;
}

}  // namespace

const Condition* DecisiveCondition(const api::CommitTestStatus& status) {
  const auto find = [&](const char* type) { return api::FindCondition(status.conditions, type); };
  if (status.result) return find(api::condition::kSucceeded);
  for (const char* type : {api::condition::kAdmitted, api::condition::kStarted}) {
    if (const Condition* found = find(type); Is(found, api::condition::kFalse)) return found;
  }
  const Condition* started = find(api::condition::kStarted);
  return started != nullptr ? started : find(api::condition::kAdmitted);
}

std::string StateWord(const api::CommitTestStatus& status) {
  if (status.result) return std::string(api::TestResultName(*status.result));
  const Condition* decisive = DecisiveCondition(status);
  if (decisive == nullptr) return "new";
  const bool running =
      decisive->type == api::condition::kStarted && decisive->status == api::condition::kTrue;
  return running ? "running" : "waiting";
}

Tone StateTone(const api::CommitTestStatus& status) {
  if (!status.result) return StateWord(status) == "running" ? Tone::kPlain : Tone::kWaiting;
  switch (*status.result) {
    case TestResult::kPassed:
      return Tone::kGood;
    case TestResult::kFailed:
    case TestResult::kError:
      return Tone::kBad;
    case TestResult::kCancelled:
    case TestResult::kSkipped:
      return Tone::kQuiet;
  }
  return Tone::kPlain;
}

std::string WatchLine(const api::CommitTest& test, const Palette& palette) {
  const api::CommitTestStatus& status = test.status;
  const std::string word = StateWord(status);
  std::string line = OneLine(test.meta.name) + "  " + palette.Paint(StateTone(status), word) +
                     std::string(word.size() < 9 ? 9 - word.size() : 0, ' ');
  if (const Condition* decisive = DecisiveCondition(status)) {
    line += "  " + OneLine(decisive->reason);
    if (!decisive->message.empty()) line += ": " + OneLine(decisive->message);
  }
  if (status.result && !status.display.tests.empty()) line += "  " + OneLine(status.display.tests);
  if (status.result && !status.display.duration.empty()) {
    line += "  " + OneLine(status.display.duration);
  }
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

int ExitStatusOf(const std::vector<api::CommitTestStatus>& statuses) {
  constexpr std::array<std::pair<TestResult, int>, 4> kByRank{{{TestResult::kFailed, 3},
                                                               {TestResult::kError, 4},
                                                               {TestResult::kCancelled, 5},
                                                               {TestResult::kSkipped, 6}}};
  const auto unfinished = [](const api::CommitTestStatus& status) { return !status.result; };
  if (statuses.empty() || std::ranges::any_of(statuses, unfinished)) return kExitTrouble;
  for (const auto& [result, exit] : kByRank) {
    const auto has = [wanted = result](const auto& status) { return status.result == wanted; };
    if (std::ranges::any_of(statuses, has)) return exit;
  }
  return 0;
}

}  // namespace committest::plugin
