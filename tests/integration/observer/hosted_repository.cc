#include "tests/integration/observer/hosted_repository.h"

#include <algorithm>
#include <utility>

namespace committest::observer {

HostedRepositoryTest::HostedRepositoryTest(const ServerOptions& options,
                                           const std::string& object_format)
    : options_(options ? options(folder_.path()) : std::vector<std::string>{}),
      server_(options_),
      repository_(server_.CreateRepository("app", object_format)) {
  repository_.Git({"config", "uploadpack.allowFilter", "true"});
}

HostedRepositoryTest::ServerOptions HostedRepositoryTest::With(std::vector<std::string> options) {
  return [options = std::move(options)](const auto&) { return options; };
}

std::string HostedRepositoryTest::Commit(const std::string& message) {
  return repository_.Commit({{"file", std::to_string(++commits_)}}, message);
}

std::string HostedRepositoryTest::Url() const {
  const std::string url = server_.Url("app");
  const bool has_tls = std::ranges::find(options_, "--tls") != options_.end();
  return has_tls ? "https" + url.substr(url.find(':')) : url;
}

Result<RemoteRefs> HostedRepositoryTest::List(const std::vector<std::string>& patterns) {
  return observer_.ListRefs(Url(), ParseRefPatterns(patterns).value());
}

Result<std::vector<HistoryAnswer>> HostedRepositoryTest::Ask(
    const std::vector<HistoryQuery>& queries) {
  return observer_.History(Url(), queries);
}

std::vector<std::string> HostedRepositoryTest::NewCommits(const std::string& from,
                                                          const std::string& to) {
  const auto answers = Ask({{kMain, from, to, api::History::kFirstParent, 50}});
  EXPECT_TRUE(answers) << answers.error().message;
  std::vector<std::string> ids;
  if (!answers) return ids;
  for (const auto& commit : answers->at(0).commits) ids.push_back(commit.id);
  return ids;
}

}  // namespace committest::observer
