#include "common/api/stage_times.h"

#include "common/base/time_format.h"

namespace committest::api {
namespace {

using std::chrono::milliseconds;

std::string Part(const char* stage, std::int64_t ms) {
  return ms == 0 ? "" : std::string(stage) + " " + FormatDuration(milliseconds(ms)) + ", ";
}

}  // namespace

std::string StagesText(const StageTimes& stages, milliseconds tests) {
  std::string text = Part("checkout", stages.checkout_ms) + Part("discovery", stages.discovery_ms) +
                     Part("setup", stages.setup_ms) + "tests " + FormatDuration(tests);
  if (stages.report_ms != 0) text += ", report " + FormatDuration(milliseconds(stages.report_ms));
  return text;
}

}  // namespace committest::api
