#include "plugin/explain.h"

#include <algorithm>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/api/reasons.h"
#include "common/base/strings.h"
#include "common/base/time_format.h"
#include "plugin/advice.h"
#include "plugin/lines.h"

namespace committest::plugin {
namespace {

using api::Condition;
using nlohmann::json;

constexpr std::size_t kWidth = 96;

// `text` in lines of at most `kWidth` characters, each behind `indent`.
std::string Wrapped(std::string_view text, const std::string& first, const std::string& indent) {
  std::string out;
  std::string line = first;
  for (const std::string& word : Split(text, ' ')) {
    const bool fresh = line == first || line == indent;
    if (!fresh && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent + word;
    } else {
      line += (fresh ? "" : " ") + word;
    }
  }
  return out + line + "\n";
}

const api::Attempt* Newest(const api::CommitTestStatus& status) {
  return status.attempts.empty() ? nullptr : &status.attempts.back();
}

AdviceNames NamesOf(const api::CommitTest& test) {
  AdviceNames names{OneLine(test.meta.namespace_), OneLine(test.meta.name), {}, {}};
  if (const api::Attempt* newest = Newest(test.status)) {
    names.job = OneLine(newest->job_name);
    names.pod = OneLine(newest->pod_name);
  }
  return names;
}

// The reasons whose sections help, the decisive one first.
std::vector<std::string> ReasonsOf(const api::CommitTestStatus& status) {
  std::vector<std::string> reasons;
  const Condition* decisive = DecisiveCondition(status);
  if (decisive == nullptr) return reasons;
  reasons.push_back(decisive->reason);
  const bool lost = decisive->reason == api::reason::kRetrying ||
                    decisive->reason == api::reason::kInfrastructureRetriesExhausted;
  const auto ended = std::ranges::find_if(
      status.attempts.rbegin(), status.attempts.rend(),
      [](const api::Attempt& attempt) { return attempt.outcome && !attempt.reason.empty(); });
  if (lost && ended != status.attempts.rend() && ended->reason != decisive->reason) {
    reasons.push_back(ended->reason);
  }
  return reasons;
}

std::string Headline(const api::CommitTest& test, const Palette& palette) {
  const api::Source& source = test.spec.source;
  std::string text = palette.Paint(Tone::kTitle, OneLine(test.meta.name)) + " in " +
                     OneLine(test.meta.namespace_) + ": " +
                     palette.Paint(StateTone(test.status), StateWord(test.status)) + "\n";
  text += "  commit   " + OneLine(source.commit);
  if (!source.ref.empty()) text += " (" + OneLine(api::ShortRef(source.ref)) + ")";
  text += "\n";
  if (!source.subject.empty()) {
    text += "           " + OneLine(source.subject) +
            (source.author.empty() ? "" : ", by " + OneLine(source.author)) + "\n";
  }
  text += "  from     " + Redact(OneLine(source.url)) + "\n";
  if (!test.spec.rerun_of.empty()) text += "  again    " + OneLine(test.spec.rerun_of) + "\n";
  if (const auto& counts = test.status.summary; counts && counts->total > 0) {
    text += "  tests    " + std::to_string(counts->passed) + " passed, " +
            std::to_string(counts->failed) + " failed, " + std::to_string(counts->errored) +
            " errored, " + std::to_string(counts->skipped) + " skipped";
    const std::string duration = OneLine(test.status.display.duration);
    text += (duration.empty() ? "" : " in " + duration) + "\n";
  }
  if (test.status.stages != api::StageTimes()) {
    text +=
        "  stages   " +
        api::StagesText(test.status.stages, std::chrono::milliseconds(test.status.duration_ms)) +
        "\n";
  }
  return text;
}

std::string Age(WallTime since, WallTime now) {
  if (since == WallTime() || since > now) return {};
  const auto age = std::chrono::floor<std::chrono::seconds>(now - since);
  return " (" + FormatDuration(age) + " ago)";
}

std::string ConditionsText(const api::CommitTestStatus& status, WallTime now,
                           const Palette& palette) {
  if (status.conditions.empty()) {
    return Wrapped(
        "No operator has looked at it yet. If that lasts: kubectl get deploy,lease -A -l "
        "app.kubernetes.io/name=committest",
        "\n", "");
  }
  std::string text = "\n" + palette.Paint(Tone::kTitle, "What happened") + "\n";
  for (const Condition& condition : status.conditions) {
    const bool is_true = condition.status == api::condition::kTrue;
    const std::string mark = is_true                                        ? "yes "
                             : condition.status == api::condition::kUnknown ? "?   "
                                                                            : "no  ";
    const std::string type = OneLine(condition.type);
    const std::string pad(type.size() < 16 ? 16 - type.size() : 1, ' ');
    const std::string message = OneLine(condition.message);
    text += "  " + palette.Paint(is_true ? Tone::kGood : Tone::kWaiting, mark) +
            Wrapped(OneLine(condition.reason) + Age(condition.last_transition_time, now) +
                        (message.empty() ? "" : ": " + message),
                    type + pad, std::string(22, ' '));
  }
  return text;
}

std::string AttemptsText(const api::CommitTestStatus& status, const Palette& palette) {
  if (status.attempts.size() < 2) return {};
  std::string text = "\n" + palette.Paint(Tone::kTitle, "Attempts") + "\n";
  for (const api::Attempt& attempt : status.attempts) {
    text += "  " + std::to_string(attempt.number) + "  " +
            (attempt.outcome ? OneLine(attempt.reason) : "under way");
    if (attempt.exit_code) text += ", exit code " + std::to_string(*attempt.exit_code);
    if (!attempt.node_name.empty()) text += ", node " + OneLine(attempt.node_name);
    if (!attempt.pod_name.empty()) text += ", Pod " + OneLine(attempt.pod_name);
    text += "\n";
  }
  return text;
}

std::string FailuresText(const api::CommitTestStatus& status, const Palette& palette) {
  if (status.failures.empty()) return {};
  std::string text = "\n" + palette.Paint(Tone::kTitle, "First failures") + "\n";
  for (const api::TestFailure& failure : status.failures) {
    text += "  " + palette.Paint(Tone::kBad, OneLine(failure.name));
    if (!failure.file.empty()) text += " (" + OneLine(failure.file) + ")";
    text += "\n";
    if (!failure.message.empty()) text += Wrapped(OneLine(failure.message), "      ", "      ");
  }
  if (status.failures_omitted > 0) {
    text += "  and " + std::to_string(status.failures_omitted) + " more\n";
  }
  return text;
}

std::string AdviceText(const api::CommitTest& test, std::string_view page, const Palette& palette) {
  std::string text;
  for (const std::string& reason : ReasonsOf(test.status)) {
    const Advice advice = AdviceOn(page, reason, NamesOf(test));
    if (advice.meaning.empty()) continue;
    text += "\n" + palette.Paint(Tone::kTitle, OneLine(reason)) + "\n" +
            Wrapped(advice.meaning, "  ", "  ") + Wrapped(advice.see, "  See: ", "       ") +
            Wrapped(advice.act, "  Do:  ", "       ");
  }
  return text;
}

}  // namespace

std::string Explanation(const api::CommitTest& test, std::string_view page, WallTime now,
                        const Palette& palette) {
  std::string text = Headline(test, palette);
  if (!test.parse_error.empty()) {
    text += Wrapped(OneLine(test.parse_error), "\n  It cannot be read: ", "  ");
  }
  text += ConditionsText(test.status, now, palette);
  text += AttemptsText(test.status, palette);
  text += FailuresText(test.status, palette);
  text += AdviceText(test, page, palette);
  if (!test.status.reproduce_command.empty() && test.status.result != api::TestResult::kPassed) {
    text += "\nOn your machine: kubectl committest reproduce " + OneLine(test.meta.name) + " -n " +
            OneLine(test.meta.namespace_) + "\n";
  }
  return text;
}

json ExplanationJson(const api::CommitTest& test, std::string_view page) {
  const api::CommitTestStatus& status = test.status;
  json value = {{"name", test.meta.name},
                {"namespace", test.meta.namespace_},
                {"state", StateWord(status)},
                {"commit", test.spec.source.commit},
                {"url", Redact(test.spec.source.url)},
                {"conditions", api::ToJson(status.conditions)},
                {"advice", json::array()}};
  const json whole = api::ToJson(status);
  for (const char* member : {"result", "summary", "stages", "failures", "failuresOmitted",
                             "attempts", "reproduceCommand"}) {
    if (whole.contains(member)) value[member] = whole[member];
  }
  for (const std::string& reason : ReasonsOf(status)) {
    const Advice advice = AdviceOn(page, reason, NamesOf(test));
    value["advice"].push_back(
        {{"reason", reason}, {"meaning", advice.meaning}, {"see", advice.see}, {"do", advice.act}});
  }
  return value;
}

}  // namespace committest::plugin
