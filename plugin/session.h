#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "common/api/commit_test.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "plugin/app.h"
#include "plugin/cluster.h"
#include "plugin/palette.h"

namespace committest::plugin {

/// What every command works with.
struct Session {
  const Invocation& call;
  Cluster& cluster;
  const Clock& clock;
  const Console& console;
  Palette palette;

  kube::ApiClient& Client() const { return *cluster.client; }
  kube::ObjectKey Key() const { return {cluster.namespace_, call.name}; }
};

/// Reads the CommitTest that the call names, as the API server has it.
Result<nlohmann::json> GetTest(const Session& session);

// The commands. Each prints what it has to say, and gives its exit status.
Result<int> RunTest(const Session& session);
Result<int> RerunTest(const Session& session);
Result<int> CancelTest(const Session& session);
Result<int> PrintLogs(const Session& session);
Result<int> WatchTests(const Session& session);
Result<int> ExplainTest(const Session& session);
Result<int> PrintReproduction(const Session& session);

/// Follows the tests of `selection` with a line for each change until all have a verdict. `what` is
/// for messages. kNotFound when there is none.
Result<int> WatchUntilVerdict(const Session& session, const kube::Selection& selection);

/// What to do about an error, looked up in the cluster where that helps.
std::string DescribeProblem(const Session& session, const Error& error);

}  // namespace committest::plugin
