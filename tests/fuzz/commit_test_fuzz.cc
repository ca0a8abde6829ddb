// The codec of CommitTests: what was read and is written again reads the same, and every
// CommitTest that the operator takes is one that the runner takes.
#include <nlohmann/json.hpp>

#include "common/api/commit_test.h"
#include "common/api/commit_test_status.h"
#include "common/api/run_request.h"
#include "tests/fuzz/fuzz.h"

namespace committest::api {
namespace {

using fuzz::Expect;
using nlohmann::json;

void CheckStatus(const CommitTestStatus& status) {
  const json written = ToJson(status);
  const CommitTestStatus again = ParseCommitTestStatus(written);
  Expect(ToJson(again) == written, "a status that was written reads the same");
  Expect(again.result == status.result, "the result is kept");
  Expect(again.attempts.size() == status.attempts.size(), "no attempt is lost");
  Expect(again.conditions.size() == status.conditions.size(), "no condition is lost");
}

void CheckSpec(const CommitTestSpec& spec) {
  const json written = ToJson(spec);
  const auto again = ParseCommitTestSpec(written);
  Expect(again.has_value(), "a spec that was written can be read");
  Expect(ToJson(*again) == written, "a spec that was written reads the same");
  Expect(again->source == spec.source && again->tests == spec.tests &&
             again->execution == spec.execution && again->retry == spec.retry &&
             again->sharding == spec.sharding && again->cancel_requested == spec.cancel_requested,
         "nothing of a spec is lost");
}

void CheckRequest(const CommitTestSpec& spec) {
  RunRequest request{spec.source.url,
                     spec.source.commit,
                     spec.source.ref,
                     spec.tests,
                     spec.execution.timeout_seconds,
                     spec.retry.failed_test_reruns,
                     {},
                     {}};
  // The strategy means nothing to a run that is not split.
  if (spec.sharding.count > 1) request.sharding = spec.sharding;
  const auto taken = ParseRunRequest(ToJson(request).dump());
  Expect(taken.has_value() && *taken == request, "the runner takes what the operator took");
}

}  // namespace
}  // namespace committest::api

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::api;
  using committest::fuzz::Expect;
  const json object = json::parse(committest::fuzz::Text(data, size), nullptr, false);
  if (object.is_discarded()) return 0;
  const CommitTest commit_test = ParseCommitTest(object);
  CheckStatus(commit_test.status);
  if (!commit_test.parse_error.empty()) {
    Expect(commit_test.spec == CommitTestSpec{}, "a spec that cannot be read is not used");
    return 0;
  }
  Expect(!commit_test.meta.name.empty() && !commit_test.meta.uid.empty(), "a name and a UID");
  CheckSpec(commit_test.spec);
  CheckRequest(commit_test.spec);
  return 0;
}
