#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "observer/plan.h"

namespace committest::observer {

inline const WallTime kNow{std::chrono::seconds(1'800'000'000)};
inline constexpr const char* kMain = "refs/heads/main";
inline constexpr const char* kDev = "refs/heads/dev";

// A commit's object name, of which the first digits differ.
inline std::string Id(int number) {
  std::string id = std::to_string(1000 + number);
  return id.append(40 - id.size(), 'c');
}

inline Commit MakeCommit(int number) {
  return {Id(number),
          "Ann",
          "Commit " + std::to_string(number),
          WallTime{std::chrono::seconds(1'700'000'000 + number)},
          {}};
}

inline std::vector<Commit> Commits(int first, int last) {
  std::vector<Commit> commits;
  for (int i = first; i <= last; ++i) commits.push_back(MakeCommit(i));
  return commits;
}

inline api::ObservedRepository Repository(std::vector<api::RefStatus> cursor = {}) {
  api::ObservedRepository repository;
  repository.meta.namespace_ = "ci";
  repository.meta.name = "app";
  repository.spec.url = "https://git.example.org/app";
  repository.spec.config_file.policy = api::ConfigFilePolicy::kIgnore;
  repository.status.refs = std::move(cursor);
  return repository;
}

inline HistoryAnswer Answer(const char* ref, std::vector<Commit> commits, Relation relation,
                            std::int64_t omitted = 0) {
  HistoryAnswer answer;
  answer.ref = ref;
  answer.to = commits.empty() ? Id(99) : commits.back().id;
  answer.commits = std::move(commits);
  answer.relation = relation;
  answer.omitted = omitted;
  return answer;
}

inline std::vector<std::string> Created(const RefStep& step) {
  std::vector<std::string> ids;
  for (const api::CommitTest& test : step.create) ids.push_back(test.spec.source.commit);
  return ids;
}

}  // namespace committest::observer
