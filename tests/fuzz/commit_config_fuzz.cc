// A `.committest.yaml` as any stranger may write it.
#include <string>

#include <nlohmann/json.hpp>

#include "common/api/observed_repository.h"
#include "observer/commit_config.h"
#include "tests/fuzz/fuzz.h"

namespace committest::observer {
namespace {

using fuzz::Expect;

api::CommitTestTemplate ATemplate() {
  api::CommitTestTemplate shared;
  shared.execution.image = "registry.example/runner:1";
  shared.execution.resources = {{"cpu", "2"}};
  shared.execution.env = {{"A", "1"}};
  return shared;
}

void CheckTaken(const CommitConfig& config) {
  // What the observer writes must be what the operator reads.
  const auto tests =
      api::ParseTestsSpec(api::ToJson(config.tests), "tests", api::UnknownMembers::kRefuse);
  Expect(tests && *tests == config.tests, "the tests can be read back");
  const auto execution = api::ParseExecutionSpec(api::ToJson(config.execution), "execution",
                                                 api::UnknownMembers::kRefuse);
  Expect(execution && *execution == config.execution, "the execution can be read back");
}

void CheckNarrow(const CommitConfig& config) {
  const api::ExecutionSpec before = ATemplate().execution;
  const api::ExecutionSpec& after = config.execution;
  Expect(after.image == before.image && after.env == before.env && after.tolerations.empty() &&
             after.node_selector.empty() && after.runtime_class_name.empty(),
         "what is not allowed stays");
  Expect(after.timeout_seconds <= before.timeout_seconds && after.resources.size() == 1,
         "limits only shrink");
}

void CheckRefused(const Error& error) {
  const std::string& message = error.message;
  Expect(error.code == ErrorCode::kInvalidArgument, "it is the file's fault");
  Expect(message.starts_with(".committest.yaml, ") && message.size() <= api::kMaxNotRunMessageBytes,
         "the message names the file and is bounded");
  Expect(message.find('\n') == std::string::npos, "the message is one line");
}

void Check(std::string_view text, bool allow_all) {
  api::ConfigFileSpec rules;
  if (allow_all) {
    rules.allowed_overrides = {
        api::ConfigOverride::kImage,        api::ConfigOverride::kResources,
        api::ConfigOverride::kEnv,          api::ConfigOverride::kTimeouts,
        api::ConfigOverride::kRuntimeClass, api::ConfigOverride::kNodeSelector,
        api::ConfigOverride::kTolerations};
  }
  const auto config = ParseCommitConfig(text, ATemplate(), rules);
  if (!config) return CheckRefused(config.error());
  CheckTaken(*config);
  if (!allow_all) CheckNarrow(*config);
}

}  // namespace
}  // namespace committest::observer

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = committest::fuzz::Text(data, size);
  committest::observer::Check(text, false);
  committest::observer::Check(text, true);
  return 0;
}
