#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "observer/git_remote.h"

namespace committest::observer {

/// A remote whose branches are lines of commits, and which can fail as told.
class FakeGitRemote final : public GitRemote {
 public:
  std::map<std::string, std::vector<std::string>> branches;
  std::optional<Error> list_error;
  std::optional<Error> history_error;
  std::vector<std::string> withheld;             ///< Refs whose commits it does not give out.
  std::map<std::string, CommitDetails> details;  ///< Of the commits that hold something.
  std::map<std::string, std::string> skip_requests;
  std::vector<std::string> unreadable;  ///< Commits whose files it does not give out.
  std::optional<Error> details_error;
  int detail_fetches = 0;
  std::function<void()> before_list;  ///< Runs in each listing; may throw.
  int listings = 0;
  int fetches = 0;
  std::string secret_name;  ///< That the last listing was to use.
  std::vector<std::string> forgotten;

  /// A commit's name from a number; the digits that count come first.
  static std::string Id(int number) {
    std::string id = std::to_string(100'000 + number);
    return id.append(40 - id.size(), 'e');
  }

  void Push(const std::string& ref, int first, int last) {
    for (int i = first; i <= last; ++i) branches[ref].push_back(Id(i));
  }

  Result<RemoteRefs> ListRefs(const RemoteRepository& repository,
                              const std::vector<RefPattern>& patterns) override {
    ++listings;
    secret_name = repository.credentials_secret_name;
    if (before_list) before_list();
    if (list_error) return Fail(*list_error);
    RemoteRefs refs;
    for (const auto& branch : branches) {
      const std::string& name = branch.first;
      const auto matches = [&name](const RefPattern& pattern) { return pattern.Matches(name); };
      const bool wanted =
          patterns.empty() ? name == "refs/heads/main" : std::ranges::any_of(patterns, matches);
      if (wanted) refs.refs.push_back({name, branch.second.back()});
    }
    return refs;
  }

  Result<std::vector<HistoryAnswer>> History(const RemoteRepository& /*repository*/,
                                             const std::vector<HistoryQuery>& queries) override {
    ++fetches;
    if (history_error) return Fail(*history_error);
    std::vector<HistoryAnswer> answers;
    for (const HistoryQuery& query : queries) {
      if (std::ranges::find(withheld, query.ref) != withheld.end()) continue;
      answers.push_back(Answer(query));
    }
    return answers;
  }

  Result<DetailsAnswer> Details(const RemoteRepository& /*repository*/,
                                const std::vector<DetailsQuery>& queries) override {
    ++detail_fetches;
    if (details_error) return Fail(*details_error);
    DetailsAnswer answer;
    for (const DetailsQuery& query : queries) {
      if (std::ranges::find(unreadable, query.commit) != unreadable.end()) {
        answer.problem = Error{ErrorCode::kNotFound, "the files are not given out", {}, {}};
        continue;
      }
      const auto known = details.find(query.commit);
      answer.details.push_back(known == details.end() ? CommitDetails{query.commit, true, {}}
                                                      : known->second);
    }
    return answer;
  }

  void Forget(const kube::ObjectKey& repository) override {
    forgotten.push_back(repository.ToString());
  }

 private:
  HistoryAnswer Answer(const HistoryQuery& query) const {
    const auto& line = branches.at(query.ref);
    const auto cursor = std::ranges::find(line, query.from);
    HistoryAnswer answer;
    answer.ref = query.ref;
    answer.to = query.to;
    answer.relation = query.from.empty() ? Relation::kInitial : Relation::kAdvanced;
    auto first = cursor == line.end() ? line.begin() : cursor + 1;
    const auto count = line.end() - first;
    if (count > query.limit) {
      if (!query.from.empty()) answer.omitted = count - query.limit;
      first += count - query.limit;
    }
    for (; first != line.end(); ++first) {
      const auto skip = skip_requests.find(*first);
      answer.commits.push_back(
          {*first, "Ann", "x", WallTime{}, skip == skip_requests.end() ? "" : skip->second});
    }
    return answer;
  }
};

}  // namespace committest::observer
