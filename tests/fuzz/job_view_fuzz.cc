// A Job as others may have written it, against what its JSON plainly says.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "operator/job_view.h"
#include "tests/fuzz/fuzz.h"

namespace committest::op {
namespace {

using fuzz::Expect;
using nlohmann::json;

// The member at the end of `path`; null where there is none.
json At(const json& value, const char* path) {
  const json::json_pointer pointer(path);
  return value.contains(pointer) ? value.at(pointer) : json();
}

bool IsText(const json& value) { return value.is_string() && value != ""; }

// Whether the first condition of `type` is True.
bool IsTrue(const json& job, const char* type) {
  const json conditions = At(job, "/status/conditions");
  if (!conditions.is_array()) return false;
  const auto it = std::ranges::find_if(
      conditions, [type](const json& condition) { return At(condition, "/type") == type; });
  return it != conditions.end() && At(*it, "/status") == "True";
}

void CheckAttempt(const json& job, const JobView& view) {
  Expect(view.attempt >= 0, "an attempt is never negative");
  if (view.attempt == 0) return;
  const json annotations = At(job, "/metadata/annotations");
  Expect(annotations.contains(api::kAttemptAnnotation), "an attempt stands in the annotation");
  const auto text = annotations[api::kAttemptAnnotation].get<std::string>();
  Expect(std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }),
         "an attempt is a number and nothing else");
}

}  // namespace
}  // namespace committest::op

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::op;
  using committest::fuzz::Expect;
  const json job = json::parse(committest::fuzz::Text(data, size), nullptr, false);
  if (job.is_discarded()) return 0;
  const JobView view = ParseJobView(job);
  Expect(!view.meta.name.empty() == !view.meta.uid.empty(), "a name and a UID, or neither");
  Expect(!view.meta.name.empty() ==
             (IsText(At(job, "/metadata/name")) && IsText(At(job, "/metadata/uid"))),
         "a Job has the name that it has");
  Expect(view.complete.has_value() == IsTrue(job, "Complete"), "complete if its condition says so");
  Expect(view.failed.has_value() == IsTrue(job, "Failed"), "failed if its condition says so");
  Expect(view.failure_target.has_value() == IsTrue(job, "FailureTarget"),
         "about to fail if its condition says so");
  Expect(view.suspended == (At(job, "/spec/suspend") == true), "suspended if its spec says so");
  CheckAttempt(job, view);
  return 0;
}
