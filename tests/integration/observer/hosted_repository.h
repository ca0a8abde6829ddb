#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/observer/observer_side.h"
#include "tests/support/git_server.h"
#include "tests/support/temporary_folder.h"

namespace committest::observer {

inline constexpr const char* kMain = "refs/heads/main";

/// The repository "app" on a real Git server on loopback, and the observer's side of it.
class HostedRepositoryTest : public ::testing::Test {
 protected:
  /// Makes the options of the server (`GitServer`); what they name may lie in `folder`.
  using ServerOptions =
      std::function<std::vector<std::string>(const std::filesystem::path& folder)>;
  /// These.
  static ServerOptions With(std::vector<std::string> options);

  explicit HostedRepositoryTest(const ServerOptions& options = {},
                                const std::string& object_format = "sha1");

  /// A new commit on the branch that is checked out; its name.
  std::string Commit(const std::string& message = "Change");
  /// By https if the server has "--tls".
  std::string Url() const;

  Result<RemoteRefs> List(const std::vector<std::string>& patterns = {});
  Result<std::vector<HistoryAnswer>> Ask(const std::vector<HistoryQuery>& queries);
  /// The commits of main between `from`, which may be empty, and `to`. Fails the test if there is no
  /// answer.
  std::vector<std::string> NewCommits(const std::string& from, const std::string& to);

  const testing::TemporaryFolder folder_;
  const std::vector<std::string> options_;
  testing::GitServer server_;
  testing::GitRepository repository_;
  ObserverSide observer_;

 private:
  int commits_ = 0;
};

}  // namespace committest::observer
